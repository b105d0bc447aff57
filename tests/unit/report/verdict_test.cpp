#include "agent/report/verdict.hpp"

#include <gtest/gtest.h>

#include "tests/unit/report/sample.hpp"

namespace nodeproof::report {
namespace {

TEST(ImageVerdict, IsReadyWhenNothingSpeaksAgainstIt) {
  EXPECT_EQ(image_verdict(ready_image("a:1")), Verdict::ready);
}

TEST(ImageVerdict, IsNotReadyForAnyFailAlsoBesideSomethingUnknown) {
  ImageReport image = ready_image("a:1");
  image.findings = {finding(code::kSmokeNotRun, Severity::unknown),
                    finding(code::kArchMismatch, Severity::fail)};
  EXPECT_EQ(image_verdict(image), Verdict::not_ready);
}

TEST(ImageVerdict, IsUnknownForAnythingUnknown) {
  ImageReport image = ready_image("a:1");
  image.findings = {finding(code::kTagMoved, Severity::warn),
                    finding(code::kSmokeNotRun, Severity::unknown)};
  EXPECT_EQ(image_verdict(image), Verdict::unknown);
}

TEST(ImageVerdict, IsReadyWithWarnings) {
  ImageReport image = ready_image("a:1");
  image.findings = {finding(code::kTagMoved, Severity::warn),
                    finding(code::kNotExecuted, Severity::info)};
  EXPECT_EQ(image_verdict(image), Verdict::ready);
}

TEST(ImageVerdict, IsNotReadyForAFailedTestWithoutAFinding) {
  ImageReport image = ready_image("a:1");
  image.smoke[0].result = SmokeOutcome::failed;
  EXPECT_EQ(image_verdict(image), Verdict::not_ready);
}

TEST(ImageVerdict, IsUnknownWhenNoManifestWasLookedAt) {
  EXPECT_EQ(image_verdict(ImageReport{}), Verdict::unknown);
}

TEST(ImageVerdict, WithRequireSmokeAsksForAnExecutedTest) {
  ImageReport image = ready_image("a:1");
  EXPECT_EQ(image_verdict(image, true), Verdict::ready);
  image.smoke.clear();
  EXPECT_EQ(image_verdict(image, true), Verdict::unknown);
  EXPECT_EQ(image_verdict(image, false), Verdict::ready);
}

TEST(Conclude, NamesTheWorstImageAndCountsTheOthers) {
  const NodeReport report = sample();
  EXPECT_EQ(report.verdict, Verdict::not_ready);
  EXPECT_EQ(report.reason, "ArchMismatch");
  EXPECT_EQ(report.message, "1/3 ready; ArchMismatch wrong:v2 (+1)");
}

TEST(Conclude, IsReadyWhenAllRequiredImagesAre) {
  NodeReport report;
  report.images = {ready_image("a:1"), ready_image("b:1")};
  report.findings = {finding(code::kMemoryCgroupMissing, Severity::warn)};
  conclude(report);
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_EQ(report.reason, "");
  EXPECT_EQ(report.message, "2/2 ready");
}

TEST(Conclude, DoesNotCountWhatIsNotRequired) {
  NodeReport report;
  report.images = {ready_image("a:1"), wrong_image("b:1"), unknown_image("c:1")};
  report.images[1].required = report.images[2].required = false;
  conclude(report);
  EXPECT_EQ(report.message, "1/1 ready");
}

TEST(Conclude, IsUnknownWhenNothingIsRequired) {
  NodeReport report;
  conclude(report);
  EXPECT_EQ(report.verdict, Verdict::unknown);
  EXPECT_EQ(report.reason, "NothingRequired");
  EXPECT_EQ(report.message, "0/0 ready; NothingRequired");
  ASSERT_EQ(report.findings.size(), 1U);
  conclude(report);
  EXPECT_EQ(report.findings.size(), 1U);
}

TEST(Conclude, LetsTheNodesOwnFindingsDecideOverReadyImages) {
  NodeReport report;
  report.images = {ready_image("a:1")};
  report.findings = {finding(code::kContainerdUnavailable, Severity::unknown)};
  conclude(report);
  EXPECT_EQ(report.verdict, Verdict::unknown);
  EXPECT_EQ(report.message, "1/1 ready; ContainerdUnavailable");
}

TEST(Conclude, NamesADigestShortly) {
  NodeReport report;
  report.images = {wrong_image("r.example/x@sha256:" + std::string(64, 'a'))};
  conclude(report);
  EXPECT_EQ(report.message, "0/1 ready; ArchMismatch x@sha256:aaaaaaaaaaaa");
}

TEST(Conclude, NamesAReasonAlsoWhenNothingWasExecuted) {
  NodeReport report;
  report.images = {ready_image("a:1")};
  report.images[0].verdict = Verdict::unknown;
  conclude(report);
  EXPECT_EQ(report.reason, "NotExecuted");
}

TEST(ContinueFrom, KeepsTheTimeOfTheFirstSuchVerdict) {
  NodeReport before = sample();
  NodeReport now = sample();
  now.time += std::chrono::hours(1);
  continue_from(now, before);
  EXPECT_EQ(now.since, before.since);
  EXPECT_EQ(now.sequence, before.sequence + 1);
  now.verdict = Verdict::ready;
  continue_from(now, before);
  EXPECT_EQ(now.since, now.time);
}

TEST(ExitCode, FollowsTheVerdict) {
  NodeReport report = sample();
  EXPECT_EQ(exit_code(report), 1);
  report.verdict = Verdict::ready;
  EXPECT_EQ(exit_code(report), 0);
  report.verdict = Verdict::unknown;
  EXPECT_EQ(exit_code(report), 2);
}

TEST(ExitCode, Is69OnlyWhenContainerdKeptUsFromEveryImage) {
  NodeReport report;
  report.images = {unknown_image("a:1")};
  report.findings = {finding(code::kContainerdUnavailable, Severity::unknown)};
  conclude(report);
  EXPECT_EQ(exit_code(report), 69);
  report.images.push_back(ready_image("b:1"));
  EXPECT_EQ(exit_code(report), 2);
}

TEST(ExitCode, Is130WhenInterrupted) {
  NodeReport report = sample();
  report.findings.push_back(finding(code::kInterrupted, Severity::unknown));
  EXPECT_EQ(exit_code(report), 130);
}

}  // namespace
}  // namespace nodeproof::report
