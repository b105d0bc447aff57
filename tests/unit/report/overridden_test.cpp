#include "agent/report/overridden.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/report/json.hpp"
#include "agent/report/table.hpp"
#include "tests/unit/report/sample.hpp"

namespace nodeproof::report {
namespace {

using testing::HasSubstr;
using testing::Not;

Override given() {
  const std::chrono::sys_seconds since{std::chrono::seconds(1'800'000'000)};
  return {since, since + std::chrono::hours(4), "the registry moves", 0, 1000, 4242};
}

class Overridden : public testing::Test {
 protected:
  Overridden() { show_override(report, given()); }
  NodeReport report = sample();
};

TEST_F(Overridden, TheVerdictStaysWhatWasFoundAndWhatGatesFollowsTheOverride) {
  EXPECT_EQ(report.verdict, Verdict::not_ready);
  EXPECT_EQ(report.reason, "ArchMismatch");
  EXPECT_EQ(report.message, sample().message);
  EXPECT_EQ(effective_verdict(report), Verdict::ready);
  EXPECT_EQ(exit_code(report), 0);
}

TEST_F(Overridden, ConcludingAgainChangesNeither) {
  conclude(report);
  EXPECT_EQ(report.verdict, Verdict::not_ready);
  EXPECT_EQ(effective_verdict(report), Verdict::ready);
}

TEST_F(Overridden, TheJsonSaysBothAndIsReadBack) {
  const std::string text = to_json(report);
  EXPECT_THAT(text, HasSubstr(R"("verdict": "not-ready")"));
  EXPECT_THAT(text, HasSubstr(R"("effectiveVerdict": "ready")"));
  EXPECT_THAT(text, HasSubstr(R"("reason": "the registry moves")"));
  EXPECT_THAT(text, HasSubstr(R"("loginUid": 1000)"));
  const auto back = from_json(text);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->overridden, report.overridden);
}

TEST_F(Overridden, TheTableSaysSoBeforeAnyImageAndAtItsEnd) {
  const std::string table = to_table(report, {.width = 200});
  const auto said = table.find(
      "ready by override until 2027-01-15T12:00:00Z, given by uid 0 "
      "(login uid 1000, pid 4242): the registry moves");
  ASSERT_NE(said, std::string::npos) << table;
  EXPECT_LT(said, table.find("VERDICT"));
  EXPECT_THAT(table, HasSubstr("not ready  OVERRIDDEN: counts as ready;"));
  EXPECT_THAT(table, HasSubstr("! Overridden"));
}

TEST_F(Overridden, ItsEndLeavesNothing) {
  show_override(report, {});
  EXPECT_EQ(report, sample());
  EXPECT_THAT(to_json(report), Not(HasSubstr("override")));
  EXPECT_THAT(to_json(report), HasSubstr(R"("effectiveVerdict": "not-ready")"));
  EXPECT_EQ(exit_code(report), 1);
}

TEST_F(Overridden, AnInterruptedCheckIsStillInterrupted) {
  report.findings.push_back(finding(code::kInterrupted, Severity::unknown));
  EXPECT_EQ(exit_code(report), 130);
}

TEST_F(Overridden, WhatIsReadyAnywayIsSaidToBeOverriddenToo) {
  NodeReport ready;
  ready.images = {ready_image("a:1")};
  conclude(ready);
  show_override(ready, given());
  EXPECT_EQ(ready.verdict, Verdict::ready);
  EXPECT_EQ(worst_code(ready.findings), "Overridden");
}

}  // namespace
}  // namespace nodeproof::report
