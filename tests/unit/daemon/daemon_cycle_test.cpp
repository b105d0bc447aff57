// What becomes of the verdict when cycles end well, badly or not at all.
#include <sys/stat.h>

#include "tests/unit/daemon/daemon_process.hpp"

namespace nodeproof {
namespace {

using DaemonCycle = DaemonProcess;

TEST_F(DaemonCycle, IsUnknownUntilTheFirstOneEnds) {
  cycle_is("exec sleep 60");
  start_and_wait_until_ready();
  const NodeReport report = ask("status");
  EXPECT_EQ(report.verdict, Verdict::unknown);
  EXPECT_EQ(report.reason, code::kNotChecked);
  EXPECT_FALSE(ready_flag());
}

TEST_F(DaemonCycle, GivesTheVerdictAndTheReadyFlag) {
  cycle_reports(report_with(Verdict::ready));
  start_and_wait_until_ready();
  const NodeReport report = ask("check");
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_EQ(report.freshness, Freshness::current);
  EXPECT_TRUE(ready_flag());
  EXPECT_TRUE(manager_hears("STATUS=1/1 ready"));
  EXPECT_EQ(ask("check").sequence, report.sequence + 1);
}

TEST_F(DaemonCycle, TakesTheFlagAwayWhenNoLongerReady) {
  cycle_reports(report_with(Verdict::ready));
  start_and_wait_until_ready();
  ask("check");
  EXPECT_TRUE(ready_flag());
  cycle_reports(report_with(Verdict::not_ready));
  EXPECT_EQ(ask("check").reason, code::kArchMismatch);
  EXPECT_FALSE(ready_flag());
}

TEST_F(DaemonCycle, ComesAgainWhenWhatIsDeferredIsDue) {
  NodeReport waiting = report_with(Verdict::ready);
  waiting.images[0].deferred_until =
      std::chrono::ceil<std::chrono::seconds>(std::chrono::system_clock::now()) + 2s;
  cycle_reports(waiting);
  start_and_wait_until_ready();
  const std::uint64_t first = ask("check").sequence;
  EXPECT_TRUE(eventually([&] { return ask("status").sequence > first; }));
  EXPECT_GE(std::chrono::system_clock::now(), *waiting.images[0].deferred_until);
}

TEST_F(DaemonCycle, ThatAClientAskedForIsToldSo) {
  cycle_is("echo \"$2\" >> " + (root_ / "seen").string() + "; exit 1");
  start_and_wait_until_ready();
  ASSERT_TRUE(eventually([&] { return read_file(root_ / "seen").value_or("") == "\n"; }));
  ask("check");
  EXPECT_EQ(read_file(root_ / "seen").value_or(""), "\n--asked\n");
  kill(pid_, SIGHUP);
  EXPECT_TRUE(
      eventually([&] { return read_file(root_ / "seen").value_or("") == "\n--asked\n\n"; }));
}

TEST_F(DaemonCycle, ThatCrashesLeavesTheProvenVerdictStanding) {
  cycle_reports(report_with(Verdict::ready));
  start_and_wait_until_ready();
  ask("check");
  cycle_is("kill -SEGV $$");
  const NodeReport report = ask("check");
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_EQ(report.freshness, Freshness::stale);
  ASSERT_TRUE(has_code(report.findings, code::kCycleCrashed));
  EXPECT_TRUE(report.findings.back().message.contains("SIGSEGV")) << report.findings.back().message;
  EXPECT_EQ(report.findings.back().severity, Severity::warn);
  EXPECT_TRUE(ready_flag());
  cycle_reports(report_with(Verdict::ready));
  const NodeReport mended = ask("check");
  EXPECT_EQ(mended.freshness, Freshness::current);
  EXPECT_TRUE(mended.findings.empty());
}

class DaemonStale : public DaemonProcess {
 protected:
  void SetUp() override {
    DaemonProcess::SetUp();
    options_.load_config = [](const std::filesystem::path& file) {
      auto settings = load(file);
      if (settings) settings->stale_after = 1s;
      return settings;
    };
  }
};

TEST_F(DaemonStale, IsAVerdictWhoseLastCheckIsTooLongAgo) {
  cycle_reports(report_with(Verdict::ready));
  start_and_wait_until_ready();
  ASSERT_EQ(ask("check").verdict, Verdict::ready);
  cycle_is("exit 3");
  EXPECT_TRUE(eventually([&] { return ask("check").verdict == Verdict::unknown; }));
  EXPECT_EQ(ask("status").reason, code::kCycleCrashed);
  EXPECT_FALSE(ready_flag());
}

TEST_F(DaemonStale, IsNotRenewedByARestart) {
  cycle_reports(report_with(Verdict::ready));
  start_and_wait_until_ready();
  ASSERT_EQ(ask("check").verdict, Verdict::ready);
  cycle_is("exit 3");
  for (const auto end = std::chrono::steady_clock::now() + 1s;
       std::chrono::steady_clock::now() < end;) {
    kill(pid_, SIGTERM);
    wait_for_exit();
    start_and_wait_until_ready();
  }
  EXPECT_EQ(ask("check").verdict, Verdict::unknown);
}

TEST_F(DaemonCycle, ThatCrashesBeforeAnythingWasProvenIsUnknown) {
  cycle_is("exit 3");
  start_and_wait_until_ready();
  const NodeReport report = ask("check");
  EXPECT_EQ(report.verdict, Verdict::unknown);
  EXPECT_EQ(report.reason, code::kCycleCrashed);
  EXPECT_FALSE(has_code(report.findings, code::kNotChecked));
}

TEST_F(DaemonCycle, ThatWritesGarbageIsNotBelieved) {
  write("report.ndjson", report::stream_line(report_with(Verdict::ready)));
  cycle_is("echo hello; cat " + (root_ / "report.ndjson").string());
  start_and_wait_until_ready();
  EXPECT_EQ(ask("check").reason, code::kCycleCrashed);
  EXPECT_FALSE(ready_flag());
}

TEST_F(DaemonCycle, ThatWritesALineWithoutEndIsKilled) {
  cycle_is("while :; do printf '%065536d' 0; done");
  start_and_wait_until_ready();
  EXPECT_EQ(ask("check").reason, code::kCycleCrashed);
}

TEST_F(DaemonCycle, ThatHangsIsKilled) {
  options_.child_silence = 200ms;
  cycle_is("exec sleep 60");
  start_and_wait_until_ready();
  const NodeReport report = ask("check");
  EXPECT_EQ(report.reason, code::kCycleCrashed);
  EXPECT_TRUE(report.findings.back().message.contains("no sign of life"));
}

TEST_F(DaemonCycle, ThatSaysWhyThereIsNoReportIsQuoted) {
  write("error.ndjson",
        report::stream_line(Error{Errc::runtime_unavailable, "no containerd here", "start it"}));
  cycle_is("cat " + (root_ / "error.ndjson").string() + "; exit 69");
  start_and_wait_until_ready();
  const NodeReport report = ask("check");
  EXPECT_EQ(report.verdict, Verdict::unknown);
  EXPECT_EQ(report.reason, code::kContainerdUnavailable);
  EXPECT_EQ(report.findings.back().remedy, "start it");
}

TEST_F(DaemonCycle, IsAskedAgainSoonWhenNothingIsKnown) {
  options_.first_retry = 20ms;
  cycle_is("echo x >> " + (root_ / "runs").string() + "; exit 1");
  start_and_wait_until_ready();
  EXPECT_TRUE(eventually([&] { return read_file(root_ / "runs").value_or("").size() >= 6; }));
}

TEST_F(DaemonCycle, WritesNothingToDiskWhenItFoundNothingNew) {
  cycle_reports(report_with(Verdict::ready));
  start_and_wait_until_ready();
  ask("check");
  struct stat before{}, after{};
  ASSERT_EQ(stat((options_.state_dir / "report.json").c_str(), &before), 0);
  NodeReport later = report_with(Verdict::ready);
  later.time += 1h;
  later.images[0].pull.seconds = 3;
  cycle_reports(later);
  ask("check");
  ASSERT_EQ(stat((options_.state_dir / "report.json").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

TEST_F(DaemonCycle, DiesWithItsSupervisor) {
  cycle_is("echo $$ > " + (root_ / "pid").string() + "; exec sleep 60");
  start_and_wait_until_ready();
  ASSERT_TRUE(eventually([&] { return read_file(root_ / "pid").value_or("").ends_with('\n'); }));
  const pid_t child = std::stoi(read_file(root_ / "pid").value());
  kill(pid_, SIGKILL);
  wait_for_exit();
  EXPECT_TRUE(eventually([&] {
    const std::string state = read_file("/proc/" + std::to_string(child) + "/stat").value_or("");
    return state.empty() || state.contains(") Z ");
  }));
}

}  // namespace
}  // namespace nodeproof
