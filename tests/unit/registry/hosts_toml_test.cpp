#include "agent/registry/hosts_toml.hpp"

#include <gtest/gtest.h>

#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::registry {
namespace {

namespace fs = std::filesystem;

const fs::path kFile = "/certs.d/r.example/hosts.toml";

std::vector<std::string> urls_of(const std::vector<WrittenHost>& hosts) {
  std::vector<std::string> urls;
  for (const WrittenHost& host : hosts) urls.push_back(host.api ? host.api->str() : "itself");
  return urls;
}

struct UrlCase {
  std::string name, text;
  std::vector<std::string> urls;
};

class HostsTomlUrls : public testing::TestWithParam<UrlCase> {};

TEST_P(HostsTomlUrls, AreAskedInTheOrderOfTheFileAndTheServerLast) {
  const auto hosts = parse_hosts_toml(GetParam().text, kFile);
  ASSERT_TRUE(hosts) << hosts.error().message;
  EXPECT_EQ(urls_of(*hosts), GetParam().urls);
}

INSTANTIATE_TEST_SUITE_P(
    HostsToml, HostsTomlUrls,
    testing::Values(
        UrlCase{"Empty", "", {"itself"}},
        UrlCase{"ServerOnly", "server = 'https://a.lan'", {"https://a.lan/v2"}},
        UrlCase{"NotSorted",
                "server = 'https://s.lan'\n[host.'https://z.lan']\n[host.'http://a.lan:5000']",
                {"https://z.lan/v2", "http://a.lan:5000/v2", "https://s.lan/v2"}},
        UrlCase{"NoServer", "[host.'https://a.lan']", {"https://a.lan/v2", "itself"}},
        UrlCase{"NoScheme", "[host.'a.lan:5000']", {"https://a.lan:5000/v2", "itself"}},
        UrlCase{"Path", "[host.'https://a.lan/hub/']", {"https://a.lan/hub/v2", "itself"}},
        UrlCase{"EndsInV2", "[host.'https://a.lan/hub/v2']", {"https://a.lan/hub/v2", "itself"}},
        UrlCase{"Overridden",
                "[host.'https://a.lan/v2/hub']\noverride_path = true",
                {"https://a.lan/v2/hub", "itself"}}),
    [](const auto& info) { return info.param.name; });

struct CapabilityCase {
  std::string name, list;
  bool resolve, pull;
};

class HostsTomlCapabilities : public testing::TestWithParam<CapabilityCase> {};

TEST_P(HostsTomlCapabilities, SayWhatAHostMayBeAskedFor) {
  const auto hosts = parse_hosts_toml("[host.'https://a.lan']\n" + GetParam().list, kFile);
  ASSERT_TRUE(hosts) << hosts.error().message;
  EXPECT_EQ(hosts->front().resolve, GetParam().resolve);
  EXPECT_EQ(hosts->front().pull, GetParam().pull);
}

INSTANTIATE_TEST_SUITE_P(
    HostsToml, HostsTomlCapabilities,
    testing::Values(CapabilityCase{"Unsaid", "", true, true},
                    CapabilityCase{"None", "capabilities = []", true, true},
                    CapabilityCase{"Pull", "capabilities = ['pull']", false, true},
                    CapabilityCase{"Resolve", "capabilities = ['resolve']", true, false},
                    CapabilityCase{"Push", "capabilities = ['push', 'referrers']", false, false}),
    [](const auto& info) { return info.param.name; });

struct TlsCase {
  std::string name, text;
  std::vector<std::string> authorities;
  std::string certificate, key;
};

class HostsTomlTls : public testing::TestWithParam<TlsCase> {};

TEST_P(HostsTomlTls, FilesStartAtTheFolderOfTheFile) {
  const auto hosts = parse_hosts_toml("[host.'https://a.lan']\n" + GetParam().text, kFile);
  ASSERT_TRUE(hosts) << hosts.error().message;
  const TlsSettings& tls = hosts->front().tls;
  EXPECT_EQ(tls.more_ca_files, GetParam().authorities);
  EXPECT_EQ(tls.client_certificate, GetParam().certificate);
  EXPECT_EQ(tls.client_key, GetParam().key);
  EXPECT_TRUE(tls.verify);
  EXPECT_EQ(hosts->back().tls, TlsSettings{});
}

INSTANTIATE_TEST_SUITE_P(
    HostsToml, HostsTomlTls,
    testing::Values(TlsCase{"OneCa", "ca = 'ca.pem'", {"/certs.d/r.example/ca.pem"}, "", ""},
                    TlsCase{"Cas", "ca = ['/a.pem', '/b.pem']", {"/a.pem", "/b.pem"}, "", ""},
                    TlsCase{"OneFile", "client = '/c.pem'", {}, "/c.pem", "/c.pem"},
                    TlsCase{"Pair", "client = [['/c.pem', '/k.pem']]", {}, "/c.pem", "/k.pem"}),
    [](const auto& info) { return info.param.name; });

TEST(HostsToml, OnlyTheHostThatSaysSoIsBelievedUnverified) {
  const auto hosts = parse_hosts_toml("[host.'https://a.lan']\nskip_verify = true", kFile);
  ASSERT_TRUE(hosts) << hosts.error().message;
  EXPECT_FALSE(hosts->front().tls.verify);
  EXPECT_TRUE(hosts->back().tls.verify);
}

TEST(HostsToml, AnErrorNamesTheFile) {
  for (const char* text :
       {"[host.'https://a.lan']\ncapabilities = ['pul']", "[host.'https://a.lan']\nca = 5",
        "[host.'https://a.lan']\nskip_verify = 'yes'", "server = 5", "server = 'https://'",
        "[host"}) {
    const auto hosts = parse_hosts_toml(text, kFile);
    ASSERT_FALSE(hosts) << text;
    EXPECT_EQ(hosts.error().code, Errc::invalid_config) << text;
    EXPECT_TRUE(hosts.error().message.starts_with(kFile.string())) << hosts.error().message;
  }
}

struct FolderCase {
  std::string name;
  std::vector<std::string> folders;
  std::string found;  // "" = none
};

class HostsFolders : public testing::TestWithParam<FolderCase> {};

TEST_P(HostsFolders, AreLookedForFromTheMostSpecificName) {
  const fakes::TempFolder root;
  for (const std::string& folder : GetParam().folders) {
    ASSERT_TRUE(write_file_atomically(root.path() / folder / "hosts.toml",
                                      "server = 'https://h/" + folder + "'"));
  }
  const auto hosts = read_hosts({root.path()}, "r.example:5000");
  ASSERT_TRUE(hosts) << hosts.error().message;
  ASSERT_EQ(hosts->has_value(), !GetParam().found.empty());
  if (!hosts->has_value()) return;
  EXPECT_EQ(urls_of(**hosts), std::vector{"https://h/" + GetParam().found + "/v2"});
}

INSTANTIATE_TEST_SUITE_P(
    HostsToml, HostsFolders,
    testing::Values(FolderCase{"Underscores",
                               {"_default", "r.example:5000", "r.example_5000_"},
                               "r.example_5000_"},
                    FolderCase{"Colon", {"_default", "r.example:5000"}, "r.example:5000"},
                    FolderCase{"Default", {"_default", "r.example"}, "_default"},
                    FolderCase{"OtherRegistry", {"other.example"}, ""}),
    [](const auto& info) { return info.param.name; });

TEST(HostsFolder, WithoutAHostsTomlItsCertificatesAreForTheRegistry) {
  const fakes::TempFolder root;
  const fs::path folder = root.path() / "r.example";
  for (const char* name : {"ca.crt", "me.cert", "me.key"}) {
    ASSERT_TRUE(write_file_atomically(folder / name, "x"));
  }
  const auto hosts = read_hosts({root.path()}, "r.example");
  ASSERT_TRUE(hosts && hosts->has_value());
  ASSERT_EQ(urls_of(**hosts), std::vector<std::string>{"itself"});
  const TlsSettings& tls = (*hosts)->front().tls;
  EXPECT_EQ(tls.more_ca_files, std::vector{(folder / "ca.crt").string()});
  EXPECT_EQ(tls.client_certificate, (folder / "me.cert").string());
  EXPECT_EQ(tls.client_key, (folder / "me.key").string());
}

}  // namespace
}  // namespace nodeproof::registry
