// Kills, torn files, full and broken disks: never ready without proof, never less than ready for
// what is proven, and the service stays up.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tests/unit/daemon/daemon_process.hpp"

namespace nodeproof {
namespace {

class DaemonFault : public DaemonProcess {
 protected:
  void SetUp() override {
    DaemonProcess::SetUp();
    write("report.ndjson", report::stream_line(report_with(Verdict::ready)));
    write("progress.ndjson", report::stream_line(Progress{"a:1", Phase::pull, 1, 2}));
    cycle_reports(report_with(Verdict::ready));
  }

  [[nodiscard]] std::string path(const std::string& name) const { return (root_ / name).string(); }

  // A cycle that writes this, tells its pid and then hangs.
  void cycle_hangs_after(const std::string& script) const {
    std::filesystem::remove(root_ / "pid");
    cycle_is(script + "; echo $$ > " + path("pid.new") + "; mv " + path("pid.new") + " " +
             path("pid") + "; exec sleep 60");
  }

  pid_t hanging_cycle() {
    EXPECT_TRUE(eventually([&] { return read_file(root_ / "pid").value_or("").ends_with('\n'); }));
    return std::stoi(read_file(root_ / "pid").value_or("0"));
  }

  static bool is_gone(pid_t pid) {
    return eventually([&] {
      const std::string state = read_file("/proc/" + std::to_string(pid) + "/stat").value_or("");
      return state.empty() || state.contains(") Z ");
    });
  }

  [[nodiscard]] std::vector<std::string> states() const {
    return {":", "printf '{\"progress'", "cat " + path("progress.ndjson"),
            "head -c 100 " + path("report.ndjson")};
  }
};

TEST_F(DaemonFault, AKilledCycleCostsNoProof) {
  start_and_wait_until_ready();
  ask("check");
  for (const std::string& state : states()) {
    cycle_hangs_after(state);
    kill(pid_, SIGHUP);
    const pid_t child = hanging_cycle();
    const std::uint64_t before = ask("status").sequence;
    kill(child, SIGKILL);
    ASSERT_TRUE(eventually([&] { return ask("status").sequence > before; })) << state;
    const NodeReport report = ask("status");
    EXPECT_EQ(report.verdict, Verdict::ready) << state;
    EXPECT_TRUE(has_code(report.findings, code::kCycleCrashed)) << state;
    EXPECT_TRUE(ready_flag()) << state;
  }
}

TEST_F(DaemonFault, AKilledCycleThatHadReportedIsBelieved) {
  cycle_hangs_after("cat " + path("report.ndjson"));
  start_and_wait_until_ready();
  kill(hanging_cycle(), SIGKILL);
  EXPECT_TRUE(eventually([&] { return ask("status").verdict == Verdict::ready; }));
  EXPECT_TRUE(ask("status").findings.empty());
}

TEST_F(DaemonFault, AKilledSupervisorLeavesNeitherChildNorLock) {
  for (const std::string& state : states()) {
    cycle_hangs_after(state);
    start_and_wait_until_ready();
    const pid_t child = hanging_cycle();
    kill(pid_, SIGKILL);
    wait_for_exit();
    EXPECT_TRUE(is_gone(child)) << state;
    start_and_wait_until_ready();  // at once
    EXPECT_EQ(ask("status").verdict, Verdict::unknown);
    EXPECT_FALSE(ready_flag());
    kill(pid_, SIGTERM);
    ASSERT_EQ(wait_for_exit(), 0);
  }
}

TEST_F(DaemonFault, AContainerdThatStaysAwayTakesNoVerdictAwayAndCostsNoWrite) {
  options_.first_retry = 5ms;
  start_and_wait_until_ready();
  ask("check");
  write("error.ndjson",
        report::stream_line(Error{Errc::runtime_unavailable, "no containerd here", "start it"}));
  cycle_is("cat " + path("error.ndjson"));
  const std::uint64_t gone = ask("check").sequence;
  struct stat before{}, after{};
  ASSERT_EQ(stat(path("state/report.json").c_str(), &before), 0);
  ASSERT_TRUE(eventually([&] { return ask("status").sequence > gone + 4; }));
  ASSERT_EQ(stat(path("state/report.json").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  const NodeReport report = ask("status");
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_EQ(report.freshness, Freshness::stale);
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].code, code::kContainerdUnavailable);
  EXPECT_EQ(report.findings[0].severity, Severity::warn);
  EXPECT_TRUE(ready_flag());
}

TEST_F(DaemonFault, ATornReportCostsNoVerdict) {
  start_and_wait_until_ready();
  ask("check");
  kill(pid_, SIGTERM);
  ASSERT_EQ(wait_for_exit(), 0);
  const std::string whole = read_file(root_ / "state/report.json").value();
  write("state/report.json", whole.substr(0, whole.size() / 2));
  cycle_is("exec sleep 60");
  start_and_wait_until_ready();
  EXPECT_EQ(ask("status").verdict, Verdict::ready);
  EXPECT_EQ(ask("status").images.size(), 1U);
}

TEST_F(DaemonFault, TornFilesAreAbsentFiles) {
  start_and_wait_until_ready();
  ask("check");
  kill(pid_, SIGTERM);
  ASSERT_EQ(wait_for_exit(), 0);
  for (const auto& file : std::filesystem::directory_iterator(root_ / "state")) {
    if (file.is_regular_file()) write("state/" + file.path().filename().string(), "{\"ver");
  }
  write("state/scrub.json", "{\"ver");
  cycle_is("exec sleep 60");
  start_and_wait_until_ready();
  EXPECT_EQ(ask("status").reason, code::kNotChecked);
  EXPECT_FALSE(ready_flag());
}

TEST_F(DaemonFault, ATornCopyOfTheConfigurationHasOneBefore) {
  for (int i = 0; i < 2; ++i) {
    start_and_wait_until_ready();
    kill(pid_, SIGTERM);
    ASSERT_EQ(wait_for_exit(), 0);
  }
  write("state/config/nodeproof.json", "invalid: torn");
  write("etc/nodeproof.json", "invalid");
  start_and_wait_until_ready();
  EXPECT_TRUE(has_code(ask("status").findings, code::kConfigInvalid));
}

TEST_F(DaemonFault, AConfigurationThatBreaksDuringACycleChangesNothing) {
  cycle_hangs_after("cat " + path("progress.ndjson"));
  start_and_wait_until_ready();
  const pid_t child = hanging_cycle();
  write("etc/nodeproof.json", "invalid");
  kill(pid_, SIGHUP);
  ASSERT_TRUE(manager_hears("MONOTONIC_USEC="));
  cycle_reports(report_with(Verdict::ready));
  kill(child, SIGKILL);
  ASSERT_TRUE(eventually([&] { return ask("status").verdict == Verdict::ready; }));
  EXPECT_TRUE(has_code(ask("status").findings, code::kConfigInvalid));
}

// A state directory of 64 KiB in memory.
class DaemonDisk : public DaemonFault {
 protected:
  void SetUp() override {
    DaemonFault::SetUp();
    std::filesystem::create_directories(root_ / "state");
    const bool alone = unshare(CLONE_NEWNS) == 0 &&
                       mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    if (!alone || mount("tmpfs", path("state").c_str(), "tmpfs", 0, "size=64k,mode=700") != 0) {
      GTEST_SKIP() << "mounting needs root";
    }
    mounted_ = true;
  }

  void TearDown() override {
    DaemonFault::TearDown();
    if (mounted_) umount2(path("state").c_str(), MNT_DETACH);
  }

  void fill() const {
    const UniqueFd file(open(path("state/filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::string block(4096, 'x');
    while (::write(file.get(), block.data(), block.size()) > 0) {
    }
  }
  void free_again() const { std::filesystem::remove(root_ / "state/filler"); }
  void make_read_only(bool read_only) const {
    const unsigned long flags = MS_REMOUNT | (read_only ? MS_RDONLY : 0);
    ASSERT_EQ(mount("tmpfs", path("state").c_str(), "tmpfs", flags, nullptr), 0);
  }

  // Says something that was not said before.
  static NodeReport with_news() {
    NodeReport report = report_with(Verdict::ready);
    Finding finding;
    finding.code = code::kTagMoved;
    finding.severity = Severity::warn;
    report.images[0].findings = {finding};
    return report;
  }

 private:
  bool mounted_ = false;
};

TEST_F(DaemonDisk, ThatIsFullTakesNoProofAway) {
  start_and_wait_until_ready();
  ask("check");
  fill();
  cycle_reports(with_news());
  NodeReport report = ask("check");
  EXPECT_EQ(report.verdict, Verdict::ready);
  report = ask("status");
  ASSERT_TRUE(has_code(report.findings, code::kStateNotKept));
  EXPECT_TRUE(report.findings.back().message.contains("No space left"));
  EXPECT_TRUE(ready_flag());
  const auto kept = report::from_json(read_file(root_ / "state/report.json").value());
  ASSERT_TRUE(kept.has_value());
  EXPECT_TRUE(kept->images[0].findings.empty());  // the one before, whole
  free_again();
  ask("check");
  EXPECT_FALSE(has_code(ask("status").findings, code::kStateNotKept));
  const auto again = report::from_json(read_file(root_ / "state/report.json").value());
  EXPECT_FALSE(again->images[0].findings.empty());
}

TEST_F(DaemonDisk, ThatIsFullFromTheStartIsNoFaultOfTheConfiguration) {
  fill();
  start_and_wait_until_ready();
  EXPECT_EQ(ask("check").verdict, Verdict::ready);
  EXPECT_TRUE(has_code(ask("status").findings, code::kStateNotKept));
  write("etc/nodeproof.json", "invalid");
  kill(pid_, SIGHUP);
  ASSERT_TRUE(manager_hears("MONOTONIC_USEC="));
  ASSERT_TRUE(manager_hears("READY=1"));
  EXPECT_EQ(ask("check").verdict, Verdict::ready);
  kill(pid_, SIGTERM);
  EXPECT_EQ(wait_for_exit(), 0);
  start_and_wait_until_ready();  // with the copy in memory
  EXPECT_TRUE(has_code(ask("check").findings, code::kConfigInvalid));
  free_again();
  write("etc/nodeproof.json", "{}");
  kill(pid_, SIGHUP);
  ASSERT_TRUE(manager_hears("MONOTONIC_USEC="));
  ask("check");
  EXPECT_TRUE(std::filesystem::exists(root_ / "state/config/nodeproof.json"));
  EXPECT_FALSE(std::filesystem::exists(root_ / "run/config"));
}

TEST_F(DaemonDisk, ThatIsReadOnlyKeepsTheServiceUp) {
  start_and_wait_until_ready();
  ask("check");
  kill(pid_, SIGTERM);
  ASSERT_EQ(wait_for_exit(), 0);
  make_read_only(true);
  cycle_is("exec sleep 60");
  start_and_wait_until_ready();
  NodeReport report = ask("status");
  EXPECT_EQ(report.verdict, Verdict::ready);  // it was left in good order
  EXPECT_TRUE(has_code(report.findings, code::kStateNotKept));
  kill(pid_, SIGKILL);
  wait_for_exit();
  start_and_wait_until_ready();  // the mark could not go, and is not believed twice
  EXPECT_EQ(ask("status").verdict, Verdict::unknown);
  EXPECT_FALSE(ready_flag());
  kill(pid_, SIGTERM);
  EXPECT_EQ(wait_for_exit(), 0);
  make_read_only(false);
}

}  // namespace
}  // namespace nodeproof
