#include "agent/report/sarif.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/json.hpp"
#include "tests/unit/report/sample.hpp"

namespace nodeproof::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// Parsed, with the words of a path ("runs", "0", "results") followed.
struct Sarif {
  explicit Sarif(const std::string& text) : document(*json::parse(text)) {}

  const json::Value& at(std::initializer_list<std::string> path) const {
    const json::Value* value = &document;
    for (const std::string& step : path) {
      const bool index = step.find_first_not_of("0123456789") == std::string::npos;
      value = index ? &value->items().at(std::stoul(step)) : value->find(step);
      EXPECT_NE(value, nullptr) << step;
    }
    return *value;
  }
  std::string word(std::initializer_list<std::string> path) const { return *at(path).string(); }
  std::string uri(const std::string& result) const {
    return word({"runs", "0", "results", result, "locations", "0", "physicalLocation",
                 "artifactLocation", "uri"});
  }
  std::string print(const std::string& result) const {
    return word({"runs", "0", "results", result, "partialFingerprints", "primaryLocationLineHash"});
  }
  json::Value document;
};

SarifSubject subject(Finding finding, std::string image = "registry.lan:5000/shop/app:v2") {
  return {
      std::move(image), "linux/arm64", "sha256:" + std::string(64, 'a'), "", {std::move(finding)}};
}

Sarif one(const SarifSubject& about) { return Sarif(to_sarif(std::vector{about})); }

Finding in(std::string file) {
  Finding made = finding(code::kArchMismatch, Severity::fail);
  made.subject = std::move(file);
  made.message = "built for x86-64";
  return made;
}

TEST(SarifDocument, EachFindingIsAResultWithItsRule) {
  const Sarif sarif(to_sarif(sample()));
  EXPECT_EQ(sarif.word({"version"}), "2.1.0");
  EXPECT_EQ(sarif.at({"runs", "0", "results"}).items().size(), 3U);
  EXPECT_EQ(sarif.at({"runs", "0", "tool", "driver", "rules"}).items().size(), 3U);
  EXPECT_EQ(sarif.word({"runs", "0", "results", "0", "ruleId"}), "ArchMismatch");
  EXPECT_EQ(sarif.at({"runs", "0", "results", "2", "ruleIndex"}).integer(), 2);
  EXPECT_EQ(sarif.word({"runs", "0", "tool", "driver", "rules", "2", "id"}), "MemoryCgroupMissing");
  EXPECT_EQ(sarif.word({"runs", "0", "tool", "driver", "rules", "0", "shortDescription", "text"}),
            "A program in the image is built for another processor");
}

TEST(SarifDocument, WhatIsNotKnownIsNoPass) {
  for (const auto& [severity, level] : {std::pair(Severity::fail, "error"),
                                        {Severity::warn, "warning"},
                                        {Severity::unknown, "warning"},
                                        {Severity::info, "note"}}) {
    const Sarif sarif = one(subject(finding(code::kRegistryUnreachable, severity)));
    EXPECT_EQ(sarif.word({"runs", "0", "results", "0", "level"}), level);
  }
  const Sarif sarif = one(subject(finding(code::kRegistryUnreachable, Severity::unknown)));
  EXPECT_THAT(sarif.word({"runs", "0", "results", "0", "message", "text"}),
              StartsWith("not known: "));
  EXPECT_EQ(sarif.word({"runs", "0", "results", "0", "properties", "severity"}), "unknown");
}

TEST(SarifDocument, PlacesAreTheFilesInTheImage) {
  EXPECT_EQ(one(subject(in("/usr/bin/tini"))).uri("0"),
            "registry.lan%3A5000/shop/app/usr/bin/tini");
  EXPECT_EQ(one(subject(in("/a b/%2e/../../\"<\u00e9#?"))).uri("0"),
            "registry.lan%3A5000/shop/app/a%20b/%252e/%2E%2E/%2E%2E/%22%3C%C3%A9%23%3F");
  EXPECT_EQ(one(subject(in(""))).uri("0"), "registry.lan%3A5000/shop/app");
  EXPECT_EQ(one({"", "linux/arm64", "", "pi-17", {in("containerd")}}).uri("0"),
            "node/pi-17/containerd");
}

TEST(SarifDocument, AnAlertStaysTheSameFromTagToTag) {
  const Sarif before = one(subject(in("/app"), "r.lan/app:v1"));
  EXPECT_EQ(before.print("0"), one(subject(in("/app"), "r.lan/app:v2")).print("0"));
  EXPECT_NE(before.print("0"), one(subject(in("/other"), "r.lan/app:v1")).print("0"));
  EXPECT_NE(before.print("0"), one(subject(in("/app"), "r.lan/other:v1")).print("0"));
  SarifSubject elsewhere = subject(in("/app"), "r.lan/app:v1");
  elsewhere.platform = "linux/amd64";
  EXPECT_NE(before.print("0"), one(elsewhere).print("0"));
}

TEST(SarifDocument, TwoOfOneKindAreTwoAlerts) {
  const Sarif sarif(to_sarif(
      std::vector{subject(in("/app"), "r.lan/app:v1"), subject(in("/app"), "r.lan/app:v2")}));
  EXPECT_NE(sarif.print("0"), sarif.print("1"));
  EXPECT_THAT(sarif.print("1"), testing::EndsWith(":2"));
}

TEST(SarifDocument, HasWhatCodeScanningWants) {
  const Sarif sarif(to_sarif(sample()));
  for (const json::Value& result : sarif.at({"runs", "0", "results"}).items()) {
    const json::Value& place = *result.find("locations")->items().at(0).find("physicalLocation");
    EXPECT_EQ(place.find("region")->find("startLine")->integer(), 1);
    EXPECT_FALSE(result.find("message")->find("text")->string()->empty());
  }
  for (const json::Value& rule : sarif.at({"runs", "0", "tool", "driver", "rules"}).items()) {
    for (const char* text : {"shortDescription", "fullDescription", "help"}) {
      EXPECT_FALSE(rule.find(text)->find("text")->string()->empty()) << text;
    }
  }
}

TEST(SarifDocument, NamesNodeImagePlatformAndLayer) {
  const Sarif sarif(to_sarif(sample()));
  std::vector<std::string> kinds;
  for (const json::Value& name :
       sarif.at({"runs", "0", "results", "0", "locations", "0", "logicalLocations"}).items()) {
    kinds.push_back(*name.find("kind")->string());
  }
  EXPECT_THAT(kinds, ElementsAre("node", "image", "platform", "layer"));
}

TEST(SarifDocument, ACodeOfANewerProgramHasARule) {
  Finding newer = in("/app");
  newer.code = "OfTomorrow";
  EXPECT_EQ(one(subject(newer)).word({"runs", "0", "tool", "driver", "rules", "0", "id"}),
            "OfTomorrow");
}

TEST(SarifDocument, AVerdictWithoutACauseIsAResult) {
  NodeReport report = sample();
  report.images = {ready_image("app:1")};
  report.images[0].verdict = Verdict::unknown;
  report.images[0].smoke.clear();
  report.findings.clear();
  EXPECT_EQ(Sarif(to_sarif(report)).word({"runs", "0", "results", "0", "ruleId"}), "NotExecuted");
}

TEST(SarifDocument, TextHoldsNeitherLinksNorPlaceholders) {
  Finding bad = in("/app");
  bad.message = "[more](http://127.0.0.1/) of {0}";
  EXPECT_THAT(one(subject(bad)).word({"runs", "0", "results", "0", "message", "text"}),
              testing::EndsWith(": [more] (http://127.0.0.1/) of {{0}}"));
}

TEST(SarifDocument, HostileTextIsInert) {
  Finding bad = in(std::string("/a\0\x1b\u202e\xff", 8));
  bad.message = bad.evidence = std::string(100'000, 'x') + "\u202e";
  const std::string text = to_sarif(std::vector{subject(bad, "not a \u202e reference")});
  EXPECT_TRUE(json::is_valid(text));
  EXPECT_LT(text.size(), 20'000U);
  EXPECT_THAT(text, testing::Not(HasSubstr("\u202e")));
}

}  // namespace
}  // namespace nodeproof::report
