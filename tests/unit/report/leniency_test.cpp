#include "agent/report/leniency.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/codes.hpp"
#include "common/clock.hpp"
#include "tests/unit/report/sample.hpp"

namespace nodeproof::report {
namespace {

using testing::HasSubstr;

constexpr const char* kImage = "registry.example.com/myorg/app:v2";

std::chrono::sys_days day(int year, unsigned month, unsigned number) {
  return std::chrono::year_month_day(std::chrono::year(year), std::chrono::month(month),
                                     std::chrono::day(number));
}

Acceptance acceptance(std::string_view code) {
  return {.code = std::string(code),
          .image = {},
          .subject = {},
          .until = day(2027, 1, 31),
          .why = "fixed in 2.2",
          .place = "nodeproof.json:4: $.accept[0]"};
}

class Leniencies : public testing::Test {
 protected:
  Finding eased(std::string_view code, Severity severity, const std::string& image = kImage) {
    std::vector<Finding> findings{finding(code, severity)};
    findings[0].subject = "/opt/legacy/importer";
    ease(findings, image, leniency, now);
    return findings[0];
  }
  Leniency leniency{.accepted = {acceptance(code::kArchMismatch)}, .rule_set = {0, 3}, .rules = {}};
  std::chrono::system_clock::time_point now = day(2026, 11, 21);
};

TEST_F(Leniencies, AnAcceptedFailureIsInformativeAndSaysWhatItWas) {
  const Finding made = eased(code::kArchMismatch, Severity::fail);
  EXPECT_EQ(made.severity, Severity::info);
  ASSERT_TRUE(made.lowered);
  EXPECT_EQ(*made.lowered, (Lowered{Severity::fail, "accepted until 2027-01-31: fixed in 2.2"}));
}

TEST_F(Leniencies, WhatIsNotKnownIsNeverAccepted) {
  leniency.accepted = {acceptance(code::kInspectionIncomplete)};
  EXPECT_EQ(eased(code::kInspectionIncomplete, Severity::unknown).severity, Severity::unknown);
}

TEST_F(Leniencies, AFailureThatSaysThatNothingIsHereIsNeverAcceptedButItsWarningIs) {
  leniency.accepted = {acceptance(code::kIndexDamaged)};
  EXPECT_EQ(eased(code::kIndexDamaged, Severity::fail).severity, Severity::fail);
  EXPECT_EQ(eased(code::kIndexDamaged, Severity::warn).severity, Severity::info);
}

TEST_F(Leniencies, AWarningThatIsAcceptedTellsOfTheEndToo) {
  now = day(2027, 1, 20);
  const Finding made = eased(code::kArchMismatch, Severity::warn);
  EXPECT_EQ(made.severity, Severity::warn);
  EXPECT_TRUE(made.lowered);
}

TEST_F(Leniencies, InTheLastTwoWeeksAnAcceptedFailureIsAWarning) {
  now = day(2027, 1, 17);
  EXPECT_EQ(eased(code::kArchMismatch, Severity::fail).severity, Severity::info);
  now = day(2027, 1, 18);
  EXPECT_EQ(eased(code::kArchMismatch, Severity::fail).severity, Severity::warn);
}

TEST_F(Leniencies, AnAcceptanceHoldsToTheEndOfItsLastDayAndThenTheRuleCountsAgain) {
  now = day(2027, 2, 1) - std::chrono::seconds(1);
  std::vector<Finding> findings{finding(code::kArchMismatch, Severity::fail)};
  ease(findings, kImage, leniency, now);
  EXPECT_EQ(findings[0].severity, Severity::warn);
  EXPECT_TRUE(ended_acceptances(leniency, now).empty());
  now = day(2027, 2, 1);
  ease(findings, kImage, leniency, now);
  EXPECT_EQ(findings[0], finding(code::kArchMismatch, Severity::fail));
  const auto ended = ended_acceptances(leniency, now);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].code, code::kAcceptanceEnded);
  EXPECT_EQ(ended[0].severity, Severity::warn);
  EXPECT_THAT(ended[0].evidence, HasSubstr("nodeproof.json:4"));
}

TEST_F(Leniencies, AnAcceptanceIsOfItsCodeImageAndSubjectOnly) {
  EXPECT_FALSE(eased(code::kLibraryMissing, Severity::fail).lowered) << "another code";
  leniency.accepted[0].image = "registry.example.com/other/*";
  EXPECT_FALSE(eased(code::kArchMismatch, Severity::fail).lowered) << "another image";
  leniency.accepted[0].image = "registry.example.com/*";
  EXPECT_TRUE(eased(code::kArchMismatch, Severity::fail).lowered);
  leniency.accepted[0].subject = "/usr/*";
  EXPECT_FALSE(eased(code::kArchMismatch, Severity::fail).lowered) << "another subject";
  leniency.accepted[0].subject = "/opt/legacy/*";
  EXPECT_TRUE(eased(code::kArchMismatch, Severity::fail).lowered);
}

TEST_F(Leniencies, AnImageIsTheSameInItsShortAndItsFullName) {
  leniency.accepted[0].image = "nginx";
  EXPECT_TRUE(eased(code::kArchMismatch, Severity::fail, "docker.io/library/nginx:latest").lowered);
  leniency.accepted[0].image = "docker.io/library/*";
  EXPECT_TRUE(eased(code::kArchMismatch, Severity::fail, "nginx:1.27").lowered);
}

TEST_F(Leniencies, AnAcceptanceForAnImageDoesNotReachTheHost) {
  EXPECT_TRUE(eased(code::kArchMismatch, Severity::warn, "").lowered);
  leniency.accepted[0].image = "*";
  EXPECT_FALSE(eased(code::kArchMismatch, Severity::warn, "").lowered);
}

TEST_F(Leniencies, ARuleWarnsAtMostInTheReleaseThatBringsIt) {
  constexpr auto kRules = std::to_array<NewRule>({{code::kLibraryMissing, {0, 3}}});
  leniency.rules = kRules;
  const Finding made = eased(code::kLibraryMissing, Severity::fail);
  EXPECT_EQ(made.severity, Severity::warn);
  EXPECT_THAT(made.lowered.value_or(Lowered{}).why, HasSubstr("new in 0.3"));
  EXPECT_EQ(eased(code::kLibraryMissing, Severity::unknown).severity, Severity::warn);
  leniency.rule_set = {0, 4};
  EXPECT_EQ(eased(code::kLibraryMissing, Severity::fail).severity, Severity::fail);
  leniency.rule_set = {0, 2};
  EXPECT_EQ(eased(code::kLibraryMissing, Severity::fail).severity, Severity::warn) << "pinned";
}

TEST(MakeLeniency, RefusesCodesThatDoNotExistWithTheOneThatIsMeant) {
  const auto made = make_leniency({acceptance("ArchMismach")}, "");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::invalid_config);
  EXPECT_THAT(made.error().message, HasSubstr("nodeproof.json:4: $.accept[0]: there is no"));
  EXPECT_THAT(made.error().message, HasSubstr("did you mean \"ArchMismatch\"?"));
}

TEST(MakeLeniency, RefusesToAcceptWrongBytesAndFailedTests) {
  for (const auto code :
       {code::kContentCorrupt, code::kLayerCorrupt, code::kFileCorrupt, code::kSmokeFailed}) {
    EXPECT_FALSE(make_leniency({acceptance(code)}, "")) << code;
  }
}

TEST(MakeLeniency, RefusesARuleSetOfALaterReleaseAndWhatIsNoRelease) {
  EXPECT_FALSE(make_leniency({}, "99.0"));
  for (const char* text : {"1", "x", "0.", ".1", "0.1.", "0.1.2.3", "-1.0"}) {
    EXPECT_FALSE(make_leniency({}, text)) << text;
  }
  EXPECT_TRUE(make_leniency({}, "0.1"));
  EXPECT_TRUE(make_leniency({}, "0.1.7"));
  EXPECT_EQ(make_leniency({}, "0.0").value_or(Leniency{}).rule_set, (Release{0, 0}));
}

}  // namespace
}  // namespace nodeproof::report
