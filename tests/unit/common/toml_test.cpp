#include "common/toml.hpp"

#include <gtest/gtest.h>

namespace nodeproof {
namespace {

TEST(Toml, KeepsTheOrderOfContainerdsHosts) {
  const auto file = toml::parse(
      "server = \"https://registry-1.docker.io\"\n"
      "[host.\"https://z.lan\"]\n"
      "  capabilities = [\"pull\", \"resolve\"]\n"
      "  skip_verify = true\n"
      "  client = [[\"/c.pem\", \"/k.pem\"], \"/both.pem\"]\n"
      "[host.\"https://a.lan\".header]\n"
      "  x-token = [\"1\"]\n"
      "[host.\"https://m.lan\"]\n");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->find("server")->string().value(), "https://registry-1.docker.io");
  std::vector<std::string> names;
  for (const auto& [name, host] : file->find("host")->members()) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"https://z.lan", "https://a.lan", "https://m.lan"}));
  const auto& first = file->find("host")->members().front().second;
  EXPECT_TRUE(first.find("skip_verify")->boolean().value());
  EXPECT_EQ(first.find("client")->items().front().strings().value().back(), "/k.pem");
}

TEST(Toml, ReadsEveryKindOfValue) {
  const auto file =
      toml::parse("i = 7\nr = 1.5\nt = 07:32:00\nd = 1979-05-27\nm = 1979-05-27T07:32:00Z\n");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->find("i")->integer().value(), 7);
  EXPECT_EQ(file->find("r")->real().value(), 1.5);
  EXPECT_EQ(file->find("t")->string().value(), "07:32:00");
  EXPECT_EQ(file->find("d")->string().value(), "1979-05-27");
  EXPECT_EQ(file->find("m")->string().value(), "1979-05-27T07:32:00Z");
}

TEST(Toml, NamesTheLineOfAnError) {
  const auto file = toml::parse("a = 1\nb = \n");
  ASSERT_FALSE(file);
  EXPECT_TRUE(file.error().message.starts_with("line 2: ")) << file.error().message;
  EXPECT_FALSE(toml::parse("a = 1\na = 2\n"));
}

TEST(Toml, IsBounded) {
  const std::string deep = "a = " + std::string(60, '[') + std::string(60, ']');
  EXPECT_EQ(toml::parse(deep).error().code, Errc::too_large);
  EXPECT_FALSE(toml::parse("a = " + std::string(5000, '[')));
  EXPECT_EQ(toml::parse("a = 1\n", {.max_bytes = 3}).error().code, Errc::too_large);
}

}  // namespace
}  // namespace nodeproof
