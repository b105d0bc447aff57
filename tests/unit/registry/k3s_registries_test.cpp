#include "agent/registry/k3s_registries.hpp"

#include <gtest/gtest.h>

namespace nodeproof::registry {
namespace {

constexpr std::string_view kFile = "/etc/rancher/k3s/registries.yaml";

Result<K3sRegistries> parse(std::string_view text) {
  return parse_k3s_registries(text, std::string(kFile));
}

TEST(K3sRegistries, AreReadWholeAndInOrder) {
  const auto found = parse(
      "mirrors:\n"
      "  docker.io:\n"
      "    endpoint: [\"https://b.lan:5000\", http://a.lan]\n"
      "    rewrite:\n"
      "      \"^rancher/(.*)\": \"mirrored/$1\"\n"
      "      \"(.*)\": all/$1\n"
      "  \"*\":\n"
      "configs:\n"
      "  b.lan:5000:\n"
      "    auth: {username: node, password: 0123.40, auth: bm9kZTp4, identity_token: tok}\n"
      "    tls: {ca_file: /ca.pem, cert_file: /c.pem, key_file: /k.pem, insecure_skip_verify: "
      "true}\n"
      "  a.lan: {auth: {identitytoken: tok2, username: }, tls: {}}\n");
  ASSERT_TRUE(found) << found.error().message;
  const K3sRegistries expected{
      .mirrors = {{"docker.io",
                   {{"https://b.lan:5000", "http://a.lan"},
                    {{"^rancher/(.*)", "mirrored/$1"}, {"(.*)", "all/$1"}}}},
                  {"*", {}}},
      .configs = {{"b.lan:5000",
                   {WrittenLogin{"node", "0123.40", "bm9kZTp4", "tok", ""},
                    K3sTls{"/ca.pem", "/c.pem", "/k.pem", true}}},
                  {"a.lan", {WrittenLogin{"", "", "", "tok2", ""}, K3sTls{}}}}};
  EXPECT_EQ(*found, expected);
}

TEST(K3sRegistries, TakeANumberForAPasswordAsItIsWritten) {
  for (const char* written : {"12345", "1e3", "12.50", "-0", "007", "'12345'"}) {
    const auto found =
        parse(std::string("configs: {r.lan: {auth: {username: 7, password: ") + written + "}}}");
    ASSERT_TRUE(found) << found.error().message;
    std::string bare = written;
    std::erase(bare, '\'');
    EXPECT_EQ(found->configs.at("r.lan").auth->username, "7");
    EXPECT_EQ(found->configs.at("r.lan").auth->password, bare);
  }
}

TEST(K3sRegistries, MayBeEmptyAndHoldMoreThanIsKnown) {
  for (const char* text : {"", "# none\n", "mirrors:\nconfigs:\n", "auths: [1]\nmirrors: {}\n",
                           "configs: {}\nhelpers: {a: b}\n"}) {
    const auto found = parse(text);
    ASSERT_TRUE(found) << text << found.error().message;
    EXPECT_EQ(*found, K3sRegistries{}) << text;
  }
  const auto found = parse("configs: {r: {tls: {server_name: x}, more: 1}}");
  ASSERT_TRUE(found) << found.error().message;
}

TEST(K3sRegistries, OfTheWrongShapeAreRefusedWithFileAndPathAndWithoutSecrets) {
  const std::pair<const char*, const char*> cases[] = {
      {"[]", "$: expected a mapping"},
      {"mirrors: [docker.io]", "$.mirrors: expected a mapping"},
      {"mirrors: {docker.io: {endpoint: https://x}}",
       "$.mirrors[\"docker.io\"].endpoint: expected an array of strings, found a string"},
      {"mirrors: {a: {endpoint: [1]}}", "$.mirrors.a.endpoint[0]: expected a string"},
      {"mirrors: {a: {rewrite: [x]}}", "$.mirrors.a.rewrite: expected a mapping"},
      {"configs: {r: {auth: S3cret}}", "$.configs.r.auth: expected a mapping, found a string"},
      {"configs: {r: {auth: {password: true}}}", "$.configs.r.auth.password: expected a string"},
      {"configs: {r: {auth: {password: [S3cret]}}}", "$.configs.r.auth.password: expected a str"},
      {"configs: {r: {auth: {password: !x S3cret}}}", "line 1: "},
      {"configs: {r: {auth: {password: \"S3cret}}}", "line "},
      {"configs: {r: {tls: {insecure_skip_verify: S3cret}}}",
       "$.configs.r.tls.insecure_skip_verify: expected true or false"},
  };
  for (const auto& [text, expected] : cases) {
    const auto found = parse(text);
    ASSERT_FALSE(found) << text;
    EXPECT_EQ(found.error().code, Errc::invalid_config) << text;
    EXPECT_TRUE(found.error().message.starts_with(kFile)) << found.error().message;
    EXPECT_NE(found.error().message.find(expected), std::string::npos) << found.error().message;
    EXPECT_EQ(found.error().message.find("S3cret"), std::string::npos) << found.error().message;
  }
}

}  // namespace
}  // namespace nodeproof::registry
