#include "agent/kubernetes/node_condition.hpp"

#include <gtest/gtest.h>

#include "common/json.hpp"
#include "tests/unit/kubernetes/rig.hpp"

namespace nodeproof::kubernetes {
namespace {

using std::chrono::seconds;

Condition of(const NodeReport& report, seconds age = seconds(0), seconds stale_after = seconds(0)) {
  return condition_of(report, report.time + age, stale_after);
}

std::string words(const Condition& condition) {
  return condition.status + " " + condition.reason + " " + condition.message;
}

TEST(Condition, SaysTheVerdictTheWorstCodeAndTheSentence) {
  EXPECT_EQ(words(of(ready())), "True AllImagesReady 1/1 ready");
  EXPECT_EQ(words(of(wrong())), "False ArchMismatch 0/1 ready; ArchMismatch");
  EXPECT_EQ(words(of(report_of(Verdict::unknown, "RegistryUnreachable", "0/1 ready"))),
            "Unknown RegistryUnreachable 0/1 ready");
}

TEST(Condition, OfAReadyNodeNamesNoWarning) {
  EXPECT_EQ(of(report_of(Verdict::ready, "MemoryCgroupMissing", "1/1 ready")).reason,
            "AllImagesReady");
}

TEST(Condition, IsNeverTrueForWhatIsNotKnown) {
  EXPECT_EQ(words(of(NodeReport{})), "Unknown ImagesNotKnown ");
}

TEST(Condition, OfAReportThatIsTooOldIsUnknownWhateverItFound) {
  EXPECT_EQ(of(ready(), seconds(3600), seconds(3600)).status, "True");
  EXPECT_EQ(of(ready(), seconds(3601), seconds(0)).status, "True");
  EXPECT_EQ(words(of(ready(), seconds(3601), seconds(3600))),
            "Unknown ReportStale the last report is of 2026-11-21T00:00:00Z");
}

TEST(Condition, FollowsAnOverrideWhileItLastsAndSaysWhatWasFound) {
  NodeReport report = wrong();
  report.overridden = Override{.since = std::chrono::sys_days(std::chrono::year(2026) / 11 / 20),
                               .until = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22),
                               .reason = "the registry moves",
                               .login_uid = {}};
  EXPECT_EQ(words(of(report)),
            "True Overridden ready by override until 2026-11-22T00:00:00Z: the registry moves; "
            "found: 0/1 ready; ArchMismatch");
  EXPECT_EQ(of(report, std::chrono::days(2)).status, "False");
}

TEST(Condition, IsInertAndShort) {
  const std::string hostile = "app\x1B[31m\nred\xE2\x80\xAE" + std::string(5000, 'x') + "\xFF";
  const Condition condition = of(report_of(Verdict::not_ready, "Arch Mismatch\n", hostile));
  EXPECT_EQ(condition.reason, "ImagesNotReady");
  EXPECT_LE(condition.message.size(), 512U);
  EXPECT_FALSE(condition.message.contains('\x1B'));
  EXPECT_FALSE(condition.message.contains('\n'));
  EXPECT_FALSE(condition.message.contains("\xE2\x80\xAE"));
  EXPECT_TRUE(json::parse(status_patch(condition)));
}

TEST(Reason, IsWhatTheApiTakes) {
  for (const char* legal : {"A", "ArchMismatch", "A1_b:c,d9", "A_"}) {
    EXPECT_EQ(legal_reason(legal, "Other"), legal);
  }
  for (const char* other : {"", "1st", "_A", "A:", "A,", "A-b", "A b", "\xC3\x84"}) {
    EXPECT_EQ(legal_reason(other, "Other"), "Other") << other;
  }
  EXPECT_EQ(legal_reason(std::string(200, 'a'), "Other"), "Other");
}

}  // namespace
}  // namespace nodeproof::kubernetes
