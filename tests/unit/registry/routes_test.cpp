#include "agent/registry/routes.hpp"

#include <gtest/gtest.h>

#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::registry {
namespace {

namespace fs = std::filesystem;

Reference reference(const std::string& text) { return *Reference::parse(text); }

std::vector<std::string> urls_of(const Result<std::vector<Host>>& hosts) {
  if (!hosts) return {hosts.error().message};
  std::vector<std::string> urls;
  for (const Host& host : *hosts) urls.push_back(host.url("/x").str());
  return urls;
}

HostSettings with_mirrors(std::vector<std::string> mirrors) {
  HostSettings settings;
  settings.mirrors = std::move(mirrors);
  return settings;
}

// What is written where, and who is asked for it.
struct RouteCase {
  std::string name;
  Settings settings;
  std::string hosts_toml, registries_yaml;  // "" = there is none
  std::string image;
  std::vector<std::string> urls;
};

class RoutesTest : public testing::TestWithParam<RouteCase> {
 protected:
  [[nodiscard]] RouteFiles files() const {
    RouteFiles files{.hosts_directories = {root.path() / "certs.d"}};
    const std::string domain = reference(GetParam().image).domain();
    if (!GetParam().hosts_toml.empty()) {
      EXPECT_TRUE(write_file_atomically(root.path() / "certs.d" / domain / "hosts.toml",
                                        GetParam().hosts_toml));
    }
    if (!GetParam().registries_yaml.empty()) {
      files.k3s_registries = root.path() / "registries.yaml";
      EXPECT_TRUE(write_file_atomically(files.k3s_registries, GetParam().registries_yaml));
    }
    return files;
  }
  const fakes::TempFolder root;
};

TEST_P(RoutesTest, LeadToTheHostsInTheirOrder) {
  const Routes routes(GetParam().settings, files());
  EXPECT_EQ(urls_of(routes.to(reference(GetParam().image), Capability::pull)), GetParam().urls);
}

constexpr const char* kWritten = "[host.'https://w.lan']";
constexpr const char* kK3s =
    "mirrors: {r.example: {endpoint: ['https://k.lan', 'https://r.example'], rewrite: {'^(.*)$': "
    "'proxy/$1'}}}";

INSTANTIATE_TEST_SUITE_P(
    Routes, RoutesTest,
    testing::Values(
        RouteCase{"Nothing", {}, "", "", "r.example/a", {"https://r.example/v2/a/x"}},
        RouteCase{
            "Hub", {}, "", "", "debian", {"https://registry-1.docker.io/v2/library/debian/x"}},
        RouteCase{"HubHostIsTheHub",
                  {},
                  "server = 'https://registry-1.docker.io'",
                  "",
                  "debian",
                  {"https://registry-1.docker.io/v2/library/debian/x"}},
        RouteCase{"HubMirror",
                  {{"docker.io", with_mirrors({"https://m.lan:5000"})}},
                  "",
                  "",
                  "debian",
                  {"https://m.lan:5000/v2/library/debian/x?ns=docker.io",
                   "https://registry-1.docker.io/v2/library/debian/x"}},
        RouteCase{"ConfiguredBeatsFiles",
                  {{"r.example:5000", with_mirrors({"http://m.lan/hub/", "https://n.lan"})}},
                  kWritten,
                  kK3s,
                  "r.example:5000/a",
                  {"http://m.lan/hub/v2/a/x?ns=r.example%3A5000",
                   "https://n.lan/v2/a/x?ns=r.example%3A5000", "https://r.example:5000/v2/a/x"}},
        RouteCase{"HostsTomlBeatsK3s",
                  {},
                  kWritten,
                  kK3s,
                  "r.example/a",
                  {"https://w.lan/v2/a/x?ns=r.example", "https://r.example/v2/a/x"}},
        RouteCase{"K3sOwnEndpointLastAndWithoutRewrite",
                  {},
                  "",
                  kK3s,
                  "r.example/a",
                  {"https://k.lan/v2/proxy/a/x?ns=r.example", "https://r.example/v2/a/x"}},
        RouteCase{"K3sWildcard",
                  {},
                  "",
                  "mirrors: {'*': {endpoint: [k.lan/v2/hub]}}",
                  "r.example/a",
                  {"https://k.lan/v2/hub/a/x?ns=r.example", "https://r.example/v2/a/x"}},
        RouteCase{"Rewrites",
                  {},
                  "[host.'https://w.lan']\n[host.'https://w.lan'.rewrite]\n'^z' = 'y'\n'^a/(.*)' = "
                  "'b/${1}'\n'(.*)' = 'c'",
                  "",
                  "r.example/a/b",
                  {"https://w.lan/v2/b/b/x?ns=r.example", "https://r.example/v2/a/b/x"}},
        RouteCase{"MirrorWithoutApiPath",
                  {},
                  "server = 'https://w.lan'\noverride_path = true",
                  "",
                  "r.example/a",
                  {"https://w.lan/a/x?ns=r.example"}}),
    [](const auto& info) { return info.param.name; });

// Settings of the configuration, what hosts.toml has, and what comes of it for mirror and registry.
class HowToSpeak : public testing::Test {
 protected:
  Routes routes(Settings settings, const std::string& hosts_toml) {
    EXPECT_TRUE(write_file_atomically(root.path() / "r.example" / "hosts.toml", hosts_toml));
    return Routes(std::move(settings), {.hosts_directories = {root.path()}});
  }
  const fakes::TempFolder root;
  const Reference image = reference("r.example/a:1");
};

TEST_F(HowToSpeak, TheRegistrysProxyIsNotItsMirrors) {
  HostSettings own;
  own.proxy = "http://proxy.lan:3128";
  const Routes known(Settings{{"r.example", own}}, {});
  const auto ways = routes({{"r.example", own}}, kWritten).to(image, Capability::pull);
  ASSERT_TRUE(ways);
  ASSERT_EQ(ways->size(), 2U);
  EXPECT_EQ(ways->front().proxy, "");
  EXPECT_EQ(ways->back().proxy, own.proxy);
}

TEST_F(HowToSpeak, TheConfigurationBeatsTheFileForEachHost) {
  HostSettings registry, mirror;
  registry.plain_http = true;
  mirror.tls.ca_file = "/mirror.pem";
  const auto ways = routes({{"r.example", registry}, {"w.lan", mirror}},
                           "server = 'https://r.example'\nskip_verify = true\n"
                           "[host.'https://w.lan']\nca = '/file.pem'")
                        .to(image, Capability::pull);
  ASSERT_TRUE(ways);
  EXPECT_EQ(ways->front().tls, mirror.tls);
  EXPECT_EQ(ways->back().url("/x").str(), "http://r.example/v2/a/x");
  EXPECT_TRUE(ways->back().tls.verify);
}

TEST_F(HowToSpeak, WhatAHostMayNotBeAskedForItIsNotAsked) {
  const std::string pull_only = "[host.'https://w.lan']\ncapabilities = ['pull']";
  EXPECT_EQ(urls_of(routes({}, pull_only).to(image, Capability::resolve)),
            std::vector<std::string>{"https://r.example/v2/a/x"});
  const auto nobody = routes({}, "capabilities = ['push']").to(image, Capability::resolve);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Errc::invalid_config);
}

TEST_F(HowToSpeak, TheRegistryItselfIsFoundBehindItsMirrors) {
  const auto itself =
      routes({}, "server = 'https://r.example'\nca = '/file.pem'\n[host.'https://w.lan']")
          .registry(image);
  ASSERT_TRUE(itself);
  EXPECT_EQ(itself->url("/x").str(), "https://r.example/v2/a/x");
  EXPECT_EQ(itself->tls.more_ca_files, std::vector<std::string>{"/file.pem"});
  // A server elsewhere is a mirror.
  const auto hidden = routes({}, "server = 'https://w.lan'").registry(image);
  ASSERT_TRUE(hidden);
  EXPECT_EQ(hidden->url("/x").str(), "https://r.example/v2/a/x");
}

TEST_F(HowToSpeak, TlsIsOfTheHostThatIsRedirectedTo) {
  HostSettings other;
  other.tls.ca_file = "/other.pem";
  const Routes known = Routes(Settings{{"other.lan", other}}, {});
  Host from = *known.registry(image);
  from.tls.client_certificate = "/me.pem";
  struct Case {
    const char* url = nullptr;
    TlsSettings tls;
  };
  const Case cases[] = {{"https://r.example/b", from.tls},
                        {"https://r.example:8443/b", from.tls},
                        {"https://other.lan/b", other.tls},
                        {"https://cdn.lan/b", {}}};
  for (const Case& item : cases) {
    EXPECT_EQ(known.tls_for(*parse_http_url(item.url), from), item.tls) << item.url;
  }
}

TEST_F(HowToSpeak, AnErrorShowsNoLogin) {
  const auto ways = routes({}, "[host.'https://me:secret@']").to(image, Capability::pull);
  ASSERT_FALSE(ways);
  EXPECT_EQ(ways.error().message.find("secret"), std::string::npos) << ways.error().message;
}

// Files below a root, and where is looked for what containerd knows.
struct SearchCase {
  std::string name;
  std::vector<std::pair<std::string, std::string>> files;
  RouteSearch wanted;
  std::vector<std::string> directories;  // below the root, but for a named one
  std::string registries;
  bool doubt = false;
};

class FindRouteFiles : public testing::TestWithParam<SearchCase> {};

TEST_P(FindRouteFiles, LooksWhereTheContainerdInUseDoes) {
  const fakes::TempFolder root;
  for (const auto& [path, text] : GetParam().files) {
    ASSERT_TRUE(write_file_atomically(root.path() / path, text));
  }
  const RouteFiles found = find_route_files(GetParam().wanted, root.path());
  std::vector<std::string> directories;
  for (const fs::path& path : found.hosts_directories) {
    const auto below = path.lexically_relative(root.path()).string();
    directories.push_back(below.starts_with("..") ? path.string() : below);
  }
  EXPECT_EQ(directories, GetParam().directories);
  const std::string registries =
      found.k3s_registries.empty() ? ""
                                   : found.k3s_registries.lexically_relative(root.path()).string();
  EXPECT_EQ(registries, GetParam().registries);
  ASSERT_EQ(found.doubt.has_value(), GetParam().doubt);
  if (found.doubt) {
    EXPECT_NE(found.doubt->message.find("etc/containerd/config.toml"), std::string::npos);
  }
}

constexpr const char* kSystemSocket = "run/containerd/containerd.sock";
constexpr const char* kRancherSocket = "run/k3s/containerd/containerd.sock";
constexpr const char* kMicrok8sSocket = "var/snap/microk8s/common/run/containerd.sock";
constexpr const char* kK3sFolder = "var/lib/rancher/k3s/agent/etc/containerd/certs.d";
constexpr const char* kRke2Folder = "var/lib/rancher/rke2/agent/etc/containerd/certs.d";
constexpr const char* kMicrok8sFolder = "var/snap/microk8s/current/args/certs.d";
const std::vector<std::string> kUsual{"etc/containerd/certs.d", "etc/docker/certs.d"};
const std::vector<std::string> kEverywhere{"etc/containerd/certs.d", "etc/docker/certs.d",
                                           kK3sFolder, kRke2Folder, kMicrok8sFolder};
constexpr const char* kConfig = "etc/containerd/config.toml";
constexpr const char* kVersion2 =
    "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = '/a:/b'\n";
constexpr const char* kVersion3 =
    "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '/c'\n";
constexpr const char* kRegistriesK3s = "etc/rancher/k3s/registries.yaml";
constexpr const char* kRegistriesRke2 = "etc/rancher/rke2/registries.yaml";

INSTANTIATE_TEST_SUITE_P(
    Routes, FindRouteFiles,
    testing::Values(
        SearchCase{"NothingKnown", {}, {}, kEverywhere, ""},
        SearchCase{"System", {{kSystemSocket, ""}}, {}, kUsual, ""},
        SearchCase{"Containerd1", {{kSystemSocket, ""}, {kConfig, kVersion2}}, {}, {"a", "b"}, ""},
        SearchCase{"Containerd2", {{kSystemSocket, ""}, {kConfig, kVersion3}}, {}, {"c"}, ""},
        SearchCase{
            "ConfigSaysNothing", {{kSystemSocket, ""}, {kConfig, "version = 2"}}, {}, kUsual, ""},
        SearchCase{"BrokenConfig", {{kSystemSocket, ""}, {kConfig, "[x"}}, {}, kUsual, "", true},
        SearchCase{"BrokenConfigOfNobody",
                   {{kRancherSocket, ""}, {kConfig, "[x"}},
                   {},
                   {kK3sFolder, kRke2Folder},
                   ""},
        SearchCase{"K3s",
                   {{kRancherSocket, ""}, {kRegistriesK3s, ""}, {kConfig, kVersion2}},
                   {},
                   {kK3sFolder, kRke2Folder},
                   kRegistriesK3s},
        SearchCase{"Rke2",
                   {{kRancherSocket, ""}, {kRegistriesRke2, ""}},
                   {},
                   {kK3sFolder, kRke2Folder},
                   kRegistriesRke2},
        SearchCase{"MicroK8s", {{kMicrok8sSocket, ""}}, {}, {kMicrok8sFolder}, ""},
        SearchCase{
            "LeftoverRegistries", {{kSystemSocket, ""}, {kRegistriesK3s, ""}}, {}, kUsual, ""},
        SearchCase{"TwoContainerds",
                   {{kSystemSocket, ""}, {kRancherSocket, ""}, {kRegistriesK3s, ""}},
                   {},
                   kEverywhere,
                   kRegistriesK3s},
        SearchCase{"OneOfTwoIsNamed",
                   {{kSystemSocket, ""}, {kRancherSocket, ""}},
                   {.socket = "/run/k3s/containerd/containerd.sock"},
                   {kK3sFolder, kRke2Folder},
                   ""},
        SearchCase{"Named",
                   {{kConfig, "[x"}},
                   {.hosts_dir = "/named", .k3s_registries = "none"},
                   {"/named"},
                   ""},
        SearchCase{"None", {{kRegistriesK3s, ""}}, {"none", "none"}, {}, ""}),
    [](const auto& info) { return info.param.name; });

// What the files say of a registry's own host.
class OwnHost : public testing::Test {
 protected:
  RouteFiles with_hosts_toml(std::string_view text) {
    EXPECT_TRUE(write_file_atomically(root.path() / "certs.d/r.lan/hosts.toml", text));
    return {.hosts_directories = {root.path() / "certs.d"}};
  }
  const fakes::TempFolder root;
};

TEST_F(OwnHost, IsSpokenToAsItsFirstEntrySays) {
  const Routes routes({}, with_hosts_toml("server = 'https://r.lan'\n[host.'http://r.lan']\n"));
  const auto host = routes.registry(reference("r.lan/a"));
  ASSERT_TRUE(host) << host.error().message;
  EXPECT_EQ(host->url("/x").str(), "http://r.lan/v2/a/x");
}

TEST_F(OwnHost, KeepsTheFilesCaWhereOnlyAProxyOrMirrorsAreConfigured) {
  for (HostSettings settings : {HostSettings{.plain_http = {}, .tls = {}, .proxy = "http://p:1"},
                                with_mirrors({"https://m.lan"})}) {
    const Routes routes({{"r.lan", settings}}, with_hosts_toml("ca = '/ca.pem'\n"));
    const auto host = routes.registry(reference("r.lan/a"));
    ASSERT_TRUE(host) << host.error().message;
    EXPECT_EQ(host->tls.more_ca_files, std::vector<std::string>{"/ca.pem"});
    EXPECT_EQ(host->proxy, settings.proxy);
  }
}

TEST_F(OwnHost, OfK3sMayBeAskedWithoutTls) {
  const auto file = root.path() / "registries.yaml";
  ASSERT_TRUE(
      write_file_atomically(file, "mirrors: {'r.lan:5000': {endpoint: ['http://r.lan:5000']}}\n"));
  const Routes routes({}, {.hosts_directories = {}, .k3s_registries = file});
  EXPECT_EQ(urls_of(routes.to(reference("r.lan:5000/a"), Capability::pull)),
            (std::vector<std::string>{"http://r.lan:5000/v2/a/x", "https://r.lan:5000/v2/a/x"}));
  EXPECT_EQ(routes.registry(reference("r.lan:5000/a"))->url("/x").str(),
            "http://r.lan:5000/v2/a/x");
}

}  // namespace
}  // namespace nodeproof::registry
