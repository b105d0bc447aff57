// An override while the daemon runs, and what a full disk or an upgrade do to its verdict.
#include <sys/stat.h>

#include "agent/override_state.hpp"
#include "agent/report/overridden.hpp"
#include "tests/unit/daemon/daemon_process.hpp"

namespace nodeproof {
namespace {

class DaemonOverride : public DaemonProcess {
 protected:
  void give(std::chrono::seconds length) const {
    Override wanted = by_this_process();
    wanted.reason = "the registry moves";
    ASSERT_TRUE(overrides().give(wanted, length, moment_now("boot-one")));
  }
  [[nodiscard]] OverrideState overrides() const { return OverrideState(options_.state_dir); }
  [[nodiscard]] std::string last_event() const { return overrides().history(1).at(0).event; }
  void start_not_ready() {
    cycle_reports(report_with(Verdict::not_ready));
    start_and_wait_until_ready();
    ASSERT_EQ(ask("check").verdict, Verdict::not_ready);
    ASSERT_FALSE(ready_flag());
  }
};

TEST_F(DaemonOverride, SetsTheFlagAndLeavesTheVerdict) {
  start_not_ready();
  give(1h);
  const NodeReport report = ask("override");
  EXPECT_EQ(report.verdict, Verdict::not_ready);
  EXPECT_EQ(report::effective_verdict(report), Verdict::ready);
  EXPECT_TRUE(has_code(report.findings, code::kOverridden));
  EXPECT_TRUE(ready_flag());
  EXPECT_TRUE(read_file(options_.run_dir / "ready")->contains("the registry moves"));
  EXPECT_EQ(report::effective_verdict(ask("check")), Verdict::ready) << "the next cycle too";
}

TEST_F(DaemonOverride, GoesWhenItIsCleared) {
  start_not_ready();
  give(1h);
  ask("override");
  ASSERT_TRUE(overrides().clear(by_this_process(), moment_now("boot-one")));
  EXPECT_FALSE(ask("override").overridden);
  EXPECT_FALSE(ready_flag());
}

TEST_F(DaemonOverride, EndsByItselfWithoutACycleOrAQuestion) {
  start_not_ready();
  give(1s);
  ask("override");
  EXPECT_TRUE(eventually([&] { return !ready_flag(); }));
  EXPECT_TRUE(eventually([&] { return last_event() == "ended"; }));
  EXPECT_FALSE(ask("status").overridden);
}

TEST_F(DaemonOverride, SurvivesARestartOfTheDaemonAndItsCrash) {
  start_not_ready();
  give(1h);
  ask("override");
  for (const int signal : {SIGTERM, SIGKILL}) {
    kill(pid_, signal);
    wait_for_exit();
    if (signal == SIGTERM) {
      EXPECT_FALSE(ready_flag()) << "nobody would end it meanwhile";
    }
    start_and_wait_until_ready();
    EXPECT_TRUE(ready_flag());
    EXPECT_TRUE(ask("status").overridden);
  }
}

TEST_F(DaemonOverride, EndsWithTheBoot) {
  start_not_ready();
  give(1h);
  ask("override");
  kill(pid_, SIGKILL);
  wait_for_exit();
  write("boot_id", "boot-two\n");
  start_and_wait_until_ready();
  EXPECT_FALSE(ready_flag());
  EXPECT_EQ(last_event(), "ended");
}

TEST_F(DaemonOverride, IsNoNewsInEachCycle) {
  start_not_ready();
  give(1h);
  ask("override");
  ask("check");
  struct stat before{}, after{};
  ASSERT_EQ(stat((options_.state_dir / "report.json").c_str(), &before), 0);
  ask("check");
  ASSERT_EQ(stat((options_.state_dir / "report.json").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(DaemonOverride, WhichContainersRunIsNoNewsEither) {
  cycle_reports(report_with(Verdict::ready));
  start_and_wait_until_ready();
  ask("check");
  struct stat before{}, after{};
  ASSERT_EQ(stat((options_.state_dir / "report.json").c_str(), &before), 0);
  NodeReport busy = report_with(Verdict::ready);
  Finding remark;
  remark.code = code::kInUseNotRequired;
  busy.findings.push_back(remark);
  cycle_reports(busy);
  EXPECT_TRUE(has_code(ask("check").findings, code::kInUseNotRequired));
  ASSERT_EQ(stat((options_.state_dir / "report.json").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(DaemonOverride, AStateThatCannotBeWrittenTakesNoReadyAway) {
  cycle_reports(report_with(Verdict::ready));
  start_and_wait_until_ready();
  std::filesystem::create_directories(options_.state_dir / "report.json");
  EXPECT_EQ(ask("check").verdict, Verdict::ready);
  EXPECT_TRUE(ready_flag());
}

// As the version before wrote it: no effectiveVerdict, and something that is known no more.
TEST_F(DaemonOverride, AnUpgradeCarriesTheVerdictAcross) {
  cycle_reports(report_with(Verdict::ready));
  start_and_wait_until_ready();
  ask("check");
  kill(pid_, SIGTERM);
  ASSERT_EQ(wait_for_exit(), 0);
  std::string text = read_file(options_.state_dir / "report.json").value();
  const std::string fresh = R"("effectiveVerdict": "ready")";
  ASSERT_NE(text.find(fresh), std::string::npos);
  text.replace(text.find(fresh), fresh.size(), R"("forgotten": { "a": [1] })");
  write("state/report.json", text);
  cycle_is("exec sleep 60");
  start_and_wait_until_ready();
  EXPECT_EQ(ask("status").verdict, Verdict::ready);
  EXPECT_TRUE(ready_flag());
}

}  // namespace
}  // namespace nodeproof
