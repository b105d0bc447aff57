// The example and the schema that operators get say the same as the loader.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <sstream>

#include "agent/config/sections.hpp"
#include "common/file.hpp"

namespace nodeproof::config {
namespace {

const std::string kFolder = NODEPROOF_SYSTEMD;

// "registries.*.ca" etc. of all properties that end in a value; $ref is followed.
class SchemaKeys {
 public:
  explicit SchemaKeys(const json::Value& root) : root_(root) { walk(root, ""); }
  [[nodiscard]] const std::set<std::string>& keys() const { return keys_; }

 private:
  void walk(const json::Value& schema, const std::string& prefix) {
    const json::Value& here = *follow(&schema);
    const std::string dot = prefix.empty() ? "" : prefix + ".";
    if (const json::Value* properties = here.find("properties")) {
      for (const auto& [key, value] : properties->members()) {
        keys_.insert(dot + key);
        walk(value, dot + key);
      }
    }
    if (const json::Value* items = here.find("items")) walk(*items, prefix + "[]");
    const json::Value* others = here.find("additionalProperties");
    if (others != nullptr && others->kind() == json::Value::Kind::object) walk(*others, dot + "*");
  }
  const json::Value* follow(const json::Value* schema) const {
    const json::Value* reference = schema->find("$ref");
    if (reference == nullptr) return schema;
    const std::string name = reference->string()->substr(std::string("#/$defs/").size());
    return root_.find("$defs")->find(name);
  }
  const json::Value& root_;
  std::set<std::string> keys_;
};

json::Value schema() { return *json::parse(*read_file(kFolder + "/nodeproof.schema.json")); }

TEST(PublishedSchema, KnowsTheKeysOfTheLoader) {
  const json::Value root = schema();
  const auto supported = supported_keys();
  EXPECT_EQ(SchemaKeys(root).keys(), std::set<std::string>(supported.begin(), supported.end()));
}

TEST(PublishedSchema, RefusesUnknownKeysEverywhere) {
  const json::Value root = schema();
  const std::function<void(const json::Value&)> check = [&](const json::Value& value) {
    if (value.find("properties") != nullptr && value.find("type") != nullptr) {
      ASSERT_NE(value.find("additionalProperties"), nullptr) << value.path();
      EXPECT_EQ(value.find("additionalProperties")->boolean(), false) << value.path();
    }
    for (const auto& [key, member] : value.members()) check(member);
  };
  check(root);
}

TEST(PublishedExample, IsTheDefaults) {
  const auto config = load(kFolder + "/nodeproof.example.json", kFolder + "/no-conf.d");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(*config, Config{});
}

// The example with its commented-out entries put in force.
std::string with_entries(const std::string& text) {
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t start = line.find_first_not_of(' ');
    const bool entry = start != std::string::npos && start >= 4 && line.substr(start, 2) == "//";
    out += (entry ? line.substr(start + 2) : line) + "\n";
  }
  return out;
}

TEST(PublishedExample, ShowsEveryKeyOfEntriesWithItsDefault) {
  const std::string text = with_entries(*read_file(kFolder + "/nodeproof.example.json"));
  const auto root = json::parse(text, {.comments = true});
  ASSERT_TRUE(root) << root.error().message;
  const std::string file = "example";
  Config config;
  const auto read = read_document(Entry(file, *root), config);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(config.registries.at("registry.example.com:5000"), Registry{});
  RequiredImage image;
  image.reference = "registry.example.com:5000/myorg/app:v2.1.0";
  SmokeTest& test = image.smoke.emplace_back();
  test.name = "starts";
  test.args = {"/server", "--version"};
  image.smoke.resize(3);
  image.smoke[1].name = "answers";
  image.smoke[1].service.emplace().port = 8080;
  image.smoke[2].name = "settings";
  image.smoke[2].file.emplace().path = "/etc/app.conf";
  image.smoke[2].file->uid = image.smoke[2].file->gid = 0;
  EXPECT_EQ(config.images, std::vector<RequiredImage>{image});
  ASSERT_EQ(config.accept.size(), 1U);
  EXPECT_EQ(config.accept[0].image + config.accept[0].subject, "");

  std::set<std::string> shown;
  const std::function<void(const json::Value&)> collect = [&](const json::Value& value) {
    for (const auto& [key, member] : value.members()) {
      shown.insert(key);
      collect(member);
    }
    for (const json::Value& item : value.items()) collect(item);
  };
  collect(*root);
  for (const std::string& key : supported_keys()) {
    if (key.starts_with("images[].sandbox.mounts[].")) continue;  // told in a comment
    const std::string last = key.substr(key.rfind('.') + 1);
    EXPECT_TRUE(shown.contains(last)) << key;
  }
}

}  // namespace
}  // namespace nodeproof::config
