#include "common/yaml.hpp"

#include <gtest/gtest.h>

namespace nodeproof {
namespace {

TEST(Yaml, ReadsWhatK3sRegistriesFilesHold) {
  const auto file = yaml::parse(
      "mirrors:\n"
      "  docker.io:\n"
      "    endpoint:\n"
      "      - \"https://cache.lan:5000\"\n"
      "    rewrite:\n"
      "      \"^library/(.*)\": \"hub/$1\"\n"
      "  \"*\": {}\n"
      "configs:\n"
      "  cache.lan:5000:\n"
      "    auth: { username: node, password: 012345 }\n"
      "    tls:\n"
      "      insecure_skip_verify: false\n");
  ASSERT_TRUE(file) << file.error().message;
  const auto* hub = file->find("mirrors")->find("docker.io");
  EXPECT_EQ(hub->find("endpoint")->strings().value(),
            std::vector<std::string>{"https://cache.lan:5000"});
  EXPECT_EQ(hub->find("rewrite")->members().front().first, "^library/(.*)");
  EXPECT_EQ(file->find("mirrors")->find("*")->kind(), json::Value::Kind::object);
  const auto* cache = file->find("configs")->find("cache.lan:5000");
  EXPECT_EQ(cache->find("auth")->find("password")->string().value(), "012345");
  EXPECT_FALSE(cache->find("tls")->find("insecure_skip_verify")->boolean().value());
}

TEST(Yaml, TypesPlainScalarsOnly) {
  const auto list =
      yaml::parse("[1, '1', true, \"true\", ~, , 0x10, 1e3, -2.5, yes, .inf, 2024-01-02]");
  ASSERT_FALSE(list) << "an empty entry between commas is no YAML";
  const auto values = yaml::parse("[1, '1', true, \"true\", ~, 0x10, 1e3, -2.5, yes, .inf]");
  ASSERT_TRUE(values) << values.error().message;
  using Kind = json::Value::Kind;
  const std::vector expected{Kind::number, Kind::string, Kind::boolean, Kind::string, Kind::null,
                             Kind::string, Kind::number, Kind::number,  Kind::string, Kind::string};
  ASSERT_EQ(values->items().size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(values->items()[i].kind(), expected[i]) << i;
  }
}

TEST(Yaml, TakesAnEmptyFileForNull) {
  for (const char* text : {"", "# nothing\n", "---\n"}) {
    const auto value = yaml::parse(text);
    ASSERT_TRUE(value) << text << value.error().message;
    EXPECT_EQ(value->kind(), json::Value::Kind::null) << text;
  }
}

TEST(Yaml, ReadsJsonToo) {
  const auto value = yaml::parse(R"({"providers": [{"name": "ecr", "matchImages": ["*.dkr"]}]})");
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(value->find("providers")->items().front().find("name")->string().value(), "ecr");
}

TEST(Yaml, TellsTheLineOfEachValue) {
  const auto file = yaml::parse(
      "# first\n"
      "a: 1\n"
      "list:\n"
      "\n"
      "  - name: x\n"
      "    deep: [2,\n"
      "      3]\n"
      "  - |\n"
      "    some\n"
      "    text\n"
      "end: { k: v }\n");
  ASSERT_TRUE(file) << file.error().message;
  const auto& list = *file->find("list");
  EXPECT_EQ(file->find("a")->line(), 2U);
  EXPECT_EQ(list.items()[0].find("name")->line(), 5U);
  EXPECT_EQ(list.items()[0].find("deep")->line(), 6U);
  EXPECT_EQ(list.items()[0].find("deep")->items()[1].line(), 7U);
  EXPECT_EQ(list.items()[1].line(), 8U);
  EXPECT_EQ(list.items()[1].string().value(), "some\ntext\n");
  EXPECT_EQ(file->find("end")->find("k")->line(), 11U);
}

struct Refused {
  const char* text;
  const char* why;
};

TEST(Yaml, RefusesWhatCannotBeReadForCertain) {
  for (const auto& [text, why] : {
           Refused{"a: [1, 2", "did not find expected"},
           Refused{"a: 1\nb: &x 2\nc: *x\n", "line 3: aliases"},
           Refused{"a: 1\na: 2\n", "line 2: $: the key \"a\" appears twice"},
           Refused{"a: 1\n---\nb: 2\n", "a second document"},
           Refused{"? [a]\n: 1\n", "a key that is no scalar"},
           Refused{"a: !!binary aGk=\n", "a tag (!name) is not read"},
           Refused{"a:\n  <<: {b: 1}\n", "merge keys"},
           Refused{"a: \"\x01\"\n", "line 1"},
           Refused{"\tb: 1\n", "line 1"},
       }) {
    const auto value = yaml::parse(text);
    ASSERT_FALSE(value) << text;
    EXPECT_NE(value.error().message.find(why), std::string::npos) << value.error().message;
  }
}

TEST(Yaml, IsBounded) {
  const std::string deep = std::string(200, '[') + std::string(200, ']');
  EXPECT_EQ(yaml::parse(deep).error().code, Errc::too_large);
  EXPECT_EQ(yaml::parse("a: b\n", {.max_bytes = 3}).error().code, Errc::too_large);
  std::string many = "[";
  for (int i = 0; i < 300; ++i) many += "1,";
  EXPECT_EQ(yaml::parse(many + "1]", {.max_values = 100}).error().code, Errc::too_large);
}

}  // namespace
}  // namespace nodeproof
