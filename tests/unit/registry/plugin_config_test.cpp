#include "agent/registry/plugin_config.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::registry {
namespace {

using std::chrono::nanoseconds;

TEST(GoDuration, IsReadAsGoWritesIt) {
  using namespace std::chrono_literals;
  const std::pair<const char*, nanoseconds> good[] = {
      {"12h", 12h},     {"0s", 0s},   {"0", 0s},    {"1h30m0s", 90min}, {"1.5h", 90min},
      {"100ms", 100ms}, {"5us", 5us}, {"7ns", 7ns}, {".5s", 500ms}};
  for (const auto& [text, expected] : good) EXPECT_EQ(parse_go_duration(text), expected) << text;
  for (const char* text : {"", "12", "h", "-1h", "1d", "1h 5m", "1..5s", "1e9h", "9999999999h"}) {
    EXPECT_FALSE(parse_go_duration(text)) << text;
  }
}

constexpr const char* kHead =
    "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\n";

std::string provider(const std::string& more = {}) {
  return "- name: ecr\n  matchImages: [\"*.dkr.ecr.*.amazonaws.com\"]\n"
         "  defaultCacheDuration: 12h\n  apiVersion: credentialprovider.kubelet.k8s.io/v1beta1\n" +
         more;
}

TEST(PluginConfig, IsReadFromYaml) {
  const auto found = parse_plugin_config(
      std::string(kHead) + "providers:\n" +
          provider("  args: [get-credentials]\n  env:\n  - {name: A, value: b}\n  - {name: N}\n"
                   "  unknown: {}\n"),
      "f");
  ASSERT_TRUE(found) << found.error().message;
  const CredentialPlugin expected{"ecr",
                                  {"*.dkr.ecr.*.amazonaws.com"},
                                  std::chrono::hours(12),
                                  "credentialprovider.kubelet.k8s.io/v1beta1",
                                  {"get-credentials"},
                                  {{"A", "b"}, {"N", ""}},
                                  false};
  EXPECT_EQ(*found, std::vector{expected});
  EXPECT_TRUE(found->front().serves({"1.dkr.ecr.eu-west-1.amazonaws.com", "app"}));
  EXPECT_FALSE(found->front().serves({"public.ecr.aws", "app"}));
}

TEST(PluginConfig, IsReadFromJsonAndInItsOlderVersions) {
  for (const char* version : {"v1", "v1beta1", "v1alpha1"}) {
    const auto found = parse_plugin_config(
        std::string(R"({"apiVersion":"kubelet.config.k8s.io/)") + version +
            R"(","kind":"CredentialProviderConfig","providers":[{"name":"a","matchImages":["x"],)" +
            R"("defaultCacheDuration":"0s","apiVersion":"credentialprovider.kubelet.k8s.io/)" +
            version + "\"}]}",
        "f");
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->front().name, "a");
  }
}

TEST(PluginConfig, KnowsWhichPluginsNeedAPod) {
  const std::string attributes = "  tokenAttributes: {serviceAccountTokenAudience: x";
  for (const auto& [more, needs] :
       {std::pair{std::string(), false}, std::pair{attributes + "}\n", true},
        std::pair{attributes + ", requireServiceAccount: true}\n", true},
        std::pair{attributes + ", requireServiceAccount: false}\n", false}}) {
    const auto found =
        parse_plugin_config(std::string(kHead) + "providers:\n" + provider(more), "f");
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->front().needs_service_account, needs) << more;
  }
}

TEST(PluginConfig, OfTheWrongShapeIsRefusedWithFileAndPath) {
  const std::string head = kHead;
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = head + "providers:\n" + provider();
    return text.replace(text.find(from), from.size(), to);
  };
  const std::pair<std::string, const char*> cases[] = {
      {"kind: Pod\napiVersion: v1\nproviders: []\n", "$: this is no CredentialProviderConfig"},
      {head + "providers: {}", "$.providers: expected a list"},
      {head, "providers"},
      {with("name: ecr", "name: ../sh"), "$.providers[0].name: a plugin's name is one file name"},
      {with("name: ecr", "name: .."), "$.providers[0].name"},
      {with("name: ecr", "name: \"\""), "$.providers[0].name"},
      {with("[\"*.dkr.ecr.*.amazonaws.com\"]", "[]"), "$.providers[0].matchImages: at least one"},
      {with("12h", "-12h"), "$.providers[0].defaultCacheDuration: '-12h' is no duration"},
      {with("defaultCacheDuration", "duration"), "defaultCacheDuration"},
      {with("v1beta1", "v2"), "$.providers[0].apiVersion: 'credentialprovider.kubelet.k8s.io/v2'"},
      {head + "providers:\n" + provider() + provider(), "f: two providers have the name ecr"},
  };
  for (const auto& [text, expected] : cases) {
    const auto found = parse_plugin_config(text, "f");
    ASSERT_FALSE(found) << text;
    EXPECT_EQ(found.error().code, Errc::invalid_config) << text;
    EXPECT_TRUE(found.error().message.starts_with("f: ")) << found.error().message;
    EXPECT_NE(found.error().message.find(expected), std::string::npos) << found.error().message;
  }
}

TEST(PluginConfig, MayBeAFolder) {
  const fakes::TempFolder folder;
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(folder.path() / name) << text;
  };
  write("b.yaml", std::string(kHead) + "providers:\n" + provider());
  std::string other = std::string(kHead) + "providers:\n" + provider();
  other.replace(other.find("name: ecr"), 9, "name: acr");
  write("a.yml", other);
  write("ignored.txt", "}");
  const auto found = read_plugin_config(folder.path());
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ(found->front().name, "acr");
  write("c.yml", other);
  EXPECT_NE(read_plugin_config(folder.path()).error().message.find("two providers"),
            std::string::npos);
}

}  // namespace
}  // namespace nodeproof::registry
