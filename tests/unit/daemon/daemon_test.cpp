// The daemon as a service: start, stop, reload, restart, its socket and its manager.
#include <sys/stat.h>

#include "tests/unit/daemon/daemon_process.hpp"

namespace nodeproof {
namespace {

using Daemon = DaemonProcess;

TEST_F(Daemon, EndsCleanlyOnSigterm) {
  cycle_is("echo $$ > " + (root_ / "pid").string() +
           "; trap 'exit 0' TERM; while :; do sleep 0.05; done");
  start_and_wait_until_ready();
  ASSERT_TRUE(eventually([&] { return read_file(root_ / "pid").value_or("").ends_with('\n'); }));
  kill(pid_, SIGTERM);
  EXPECT_TRUE(manager_hears("STOPPING=1"));
  EXPECT_EQ(wait_for_exit(), 0);
  EXPECT_FALSE(std::filesystem::exists(options_.run_dir / "nodeproof.sock"));
  EXPECT_NE(kill(std::stoi(read_file(root_ / "pid").value()), 0), 0);
}

TEST_F(Daemon, KillsACycleThatDoesNotWantToStop) {
  options_.stop_grace = 100ms;
  cycle_is("trap '' TERM; while :; do sleep 0.05; done");
  start_and_wait_until_ready();
  kill(pid_, SIGINT);
  EXPECT_EQ(wait_for_exit(), 0);
}

TEST_F(Daemon, IsAlone) {
  cycle_reports(report_with(Verdict::ready));
  start_and_wait_until_ready();
  const pid_t first = pid_;
  start();
  EXPECT_EQ(wait_for_exit(), 75);
  pid_ = first;
  EXPECT_EQ(ask("check").node, "test");
}

TEST_F(Daemon, PetsTheWatchdogFromItsLoop) {
  setenv("WATCHDOG_USEC", "200000", 1);
  cycle_is("exec sleep 60");
  start_and_wait_until_ready();
  unsetenv("WATCHDOG_USEC");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(manager_hears("WATCHDOG=1"));
}

TEST_F(Daemon, ReloadsOnSighupAndChecksAtOnce) {
  cycle_is("cat \"$1\" >> " + (root_ / "seen").string() + "; exit 1");
  start_and_wait_until_ready();
  ASSERT_TRUE(eventually([&] { return read_file(root_ / "seen").value_or("") == "{}"; }));
  write("etc/nodeproof.json", "{new}");
  kill(pid_, SIGHUP);
  EXPECT_TRUE(manager_hears("MONOTONIC_USEC="));
  EXPECT_TRUE(manager_hears("READY=1"));
  EXPECT_TRUE(eventually([&] { return read_file(root_ / "seen").value_or("") == "{}{new}"; }));
}

TEST_F(Daemon, KeepsTheLastGoodConfigurationAndSaysSo) {
  cycle_reports(report_with(Verdict::ready));
  start_and_wait_until_ready();
  ask("check");
  write("etc/nodeproof.json", "invalid");
  kill(pid_, SIGHUP);
  ASSERT_TRUE(manager_hears("MONOTONIC_USEC="));
  const NodeReport report = ask("check");
  EXPECT_EQ(report.verdict, Verdict::ready);
  ASSERT_TRUE(has_code(report.findings, code::kConfigInvalid));
  EXPECT_TRUE(report.findings.back().message.contains("etc/nodeproof.json: is invalid"));
  write("etc/nodeproof.json", "{}");
  kill(pid_, SIGHUP);
  ASSERT_TRUE(manager_hears("MONOTONIC_USEC="));
  EXPECT_FALSE(has_code(ask("check").findings, code::kConfigInvalid));
}

TEST_F(Daemon, StartsWithTheLastGoodConfiguration) {
  cycle_reports(report_with(Verdict::ready));
  start_and_wait_until_ready();
  kill(pid_, SIGTERM);
  ASSERT_EQ(wait_for_exit(), 0);
  write("etc/nodeproof.json", "invalid");
  start_and_wait_until_ready();
  EXPECT_TRUE(has_code(ask("status").findings, code::kConfigInvalid));
}

TEST_F(Daemon, DoesNotStartWithoutAnyGoodConfiguration) {
  write("etc/nodeproof.json", "invalid");
  start();
  EXPECT_EQ(wait_for_exit(), 78);
}

TEST_F(Daemon, NeedsNoConfigurationFileUnlessOneWasNamed) {
  cycle_reports(report_with(Verdict::ready));
  std::filesystem::remove(options_.config_file);
  options_.config_required = true;
  start();
  EXPECT_EQ(wait_for_exit(), 78);
  options_.config_required = false;
  start_and_wait_until_ready();
}

TEST_F(Daemon, GivesCyclesACopyOfConfDToo) {
  write("etc/conf.d/10-more.json", "{more}");
  cycle_is("cat \"$(dirname \"$1\")\"/conf.d/*.json > " + (root_ / "seen").string());
  start_and_wait_until_ready();
  EXPECT_TRUE(eventually([&] { return read_file(root_ / "seen").value_or("") == "{more}"; }));
}

TEST_F(Daemon, TakesNoConfDForNoneThatItCannotRead) {
  cycle_reports(report_with(Verdict::ready));
  write("etc/conf.d", "a file");
  start();
  EXPECT_EQ(wait_for_exit(), 78);
}

class Restart : public DaemonProcess {
 protected:
  // A first life that ends with the signal, then a second one whose cycle never ends.
  NodeReport second_life(int signal) {
    cycle_reports(report_with(Verdict::ready));
    start_and_wait_until_ready();
    ask("check");
    kill(pid_, signal);
    wait_for_exit();
    cycle_is("exec sleep 60");
    start_and_wait_until_ready();
    return ask("status");
  }
};

TEST_F(Restart, CarriesTheVerdictAcrossInTheSameBoot) {
  const NodeReport report = second_life(SIGTERM);
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_EQ(report.freshness, Freshness::stale);
  EXPECT_TRUE(ready_flag());
}

TEST_F(Restart, KnowsNothingAfterACrash) {
  EXPECT_EQ(second_life(SIGKILL).verdict, Verdict::unknown);
  EXPECT_FALSE(ready_flag());
}

TEST_F(Restart, KnowsNothingInAnotherBoot) {
  cycle_reports(report_with(Verdict::ready));
  start_and_wait_until_ready();
  ask("check");
  kill(pid_, SIGTERM);
  ASSERT_EQ(wait_for_exit(), 0);
  write("boot_id", "boot-two\n");
  cycle_is("exec sleep 60");
  start_and_wait_until_ready();
  const NodeReport report = ask("status");
  EXPECT_EQ(report.reason, code::kNotChecked);
  EXPECT_EQ(report.node, "test");
  EXPECT_FALSE(ready_flag());
}

TEST_F(Restart, DoesNotStandForAnotherConfiguration) {
  cycle_reports(report_with(Verdict::ready));
  start_and_wait_until_ready();
  ask("check");
  write("etc/nodeproof.json", "{new}");
  cycle_is("exit 1");
  kill(pid_, SIGHUP);
  ASSERT_TRUE(manager_hears("MONOTONIC_USEC="));
  EXPECT_EQ(ask("check").verdict, Verdict::unknown);
  EXPECT_FALSE(ready_flag());
}

TEST_F(Restart, TakesNoReportOnAConfigurationThatIsNoLongerAsked) {
  const std::string root = root_.string();
  write("report.ndjson", report::stream_line(report_with(Verdict::ready)));
  cycle_is("touch " + root + "/first; while [ ! -e " + root + "/go ]; do sleep 0.05; done; cat " +
           root + "/report.ndjson");
  start_and_wait_until_ready();
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(root_ / "first"); }));
  cycle_is("touch " + root + "/second; exec sleep 60");
  write("etc/nodeproof.json", "{new}");
  kill(pid_, SIGHUP);
  ASSERT_TRUE(manager_hears("MONOTONIC_USEC="));
  write("go", "");
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(root_ / "second"); }));
  EXPECT_FALSE(ready_flag());
  EXPECT_EQ(ask("status").verdict, Verdict::unknown);
}

TEST_F(Restart, TellsAFaultInTheConfigurationThatOnlyACycleFinds) {
  cycle_reports(report_with(Verdict::ready));
  start_and_wait_until_ready();
  ask("check");
  write("error.ndjson",
        report::stream_line(Error{Errc::invalid_config, "no such snapshotter", ""}));
  cycle_is("cat " + (root_ / "error.ndjson").string());
  const NodeReport report = ask("check");
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_TRUE(has_code(report.findings, code::kConfigInvalid));
}

TEST_F(Restart, AnotherOneAtWorkIsNotAContainerdThatIsDown) {
  write("error.ndjson", report::stream_line(Error{Errc::busy, "another nodeproof is at work", ""}));
  cycle_is("cat " + (root_ / "error.ndjson").string());
  start_and_wait_until_ready();
  EXPECT_EQ(ask("check").reason, code::kNotChecked);
}

TEST_F(Daemon, TakesTheLastGoodConfigurationOfATakeOverThatWasCutShort) {
  cycle_reports(report_with(Verdict::ready));
  start_and_wait_until_ready();
  kill(pid_, SIGTERM);
  ASSERT_EQ(wait_for_exit(), 0);
  std::filesystem::remove_all(root_ / "state/config.old");
  std::filesystem::rename(root_ / "state/config", root_ / "state/config.old");
  write("etc/nodeproof.json", "invalid");
  start_and_wait_until_ready();
  EXPECT_TRUE(has_code(ask("check").findings, code::kConfigInvalid));
}

class StatusSocketTest : public DaemonProcess {
 protected:
  void SetUp() override {
    DaemonProcess::SetUp();
    cycle_reports(report_with(Verdict::ready));
    start_and_wait_until_ready();
  }

  UniqueFd connect_raw() {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (options_.run_dir / "nodeproof.sock").c_str(),
                 sizeof address.sun_path - 1);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  static std::string read_all(const UniqueFd& fd) {
    std::string text;
    std::array<char, 4096> buffer{};
    for (;;) {
      pollfd waiting{fd.get(), POLLIN, 0};
      if (poll(&waiting, 1, 12'000) <= 0) return text + "<nothing more>";
      const ssize_t size = read(fd.get(), buffer.data(), buffer.size());
      if (size <= 0) return text;
      text.append(buffer.data(), static_cast<std::size_t>(size));
    }
  }

  std::string exchange(std::string_view request) {
    const UniqueFd fd = connect_raw();
    send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
    return read_all(fd);
  }
};

TEST_F(StatusSocketTest, IsForOwnerAndGroupOnly) {
  struct stat facts{};
  ASSERT_EQ(stat((options_.run_dir / "nodeproof.sock").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0660U);
  EXPECT_EQ(facts.st_uid, geteuid());
  EXPECT_EQ(facts.st_gid, getegid());
}

TEST_F(StatusSocketTest, AnswersNonsenseWithAnError) {
  for (const char* request :
       {"hello\n", "{}\n", "{\"method\": 3}\n", "{\"method\":\"dance\"}\n", "\n"}) {
    EXPECT_TRUE(exchange(request).starts_with("{\"error\"")) << request;
  }
  EXPECT_EQ(ask_daemon(options_.run_dir / "nodeproof.sock", "dance").error().code, Errc::usage);
}

TEST_F(StatusSocketTest, DropsWhoSendsTooMuch) {
  EXPECT_EQ(exchange(std::string(5000, 'x')), "");
  EXPECT_EQ(ask("status").node.empty(), false);
}

TEST_F(StatusSocketTest, DropsSlowClientsAndServesTheOthersMeanwhile) {
  const UniqueFd slow = connect_raw();
  send(slow.get(), "{", 1, MSG_NOSIGNAL);
  EXPECT_FALSE(ask("status").node.empty());
  EXPECT_EQ(read_all(slow), "");
}

TEST_F(StatusSocketTest, SilentClientsMakeRoomForTheOthers) {
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(connect_raw());
  EXPECT_FALSE(ask("status").node.empty());
  EXPECT_EQ(read_all(clients.front()), "");
}

TEST_F(StatusSocketTest, ClientsThatTakeNoAnswerMakeRoomForTheOthers) {
  NodeReport large = report_with(Verdict::ready);  // than what the kernel takes of an answer
  large.images[0].choice = std::string(1'000'000, 'x');
  cycle_reports(large);
  ask("check");
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(connect_raw());
    send(clients.back().get(), "{\"method\":\"status\"}\n", 20, MSG_NOSIGNAL);
  }
  EXPECT_FALSE(ask("status").node.empty());
}

TEST_F(StatusSocketTest, WhoHangsUpWaitsForNoCheck) {
  cycle_is("while [ ! -e " + (root_ / "go").string() + " ]; do sleep 0.05; done; cat " +
           (root_ / "report.ndjson").string());
  for (int i = 0; i < 20; ++i) {
    const UniqueFd client = connect_raw();
    send(client.get(), "{\"method\":\"check\"}\n", 19, MSG_NOSIGNAL);
  }
  const std::uint64_t before = ask("status").sequence;
  Waiting waiting{.every = 20ms, .meanwhile = [this, rounds = 0]() mutable {
                    if (++rounds == 3) write("go", "");
                    return true;
                  }};
  const auto answer = ask_daemon(options_.run_dir / "nodeproof.sock", "check", waiting);
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_GT(report::from_json(*answer)->sequence, before);
}

TEST_F(StatusSocketTest, WhoHasNoPatienceIsToldSo) {
  cycle_is("exec sleep 60");
  const Waiting waiting{.every = 10ms, .meanwhile = [] { return false; }};
  const auto answer = ask_daemon(options_.run_dir / "nodeproof.sock", "check", waiting);
  EXPECT_EQ(answer.error().code, Errc::cancelled);
}

TEST_F(StatusSocketTest, ManyWhoWaitAreBusy) {
  cycle_is("exec sleep 60");
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(connect_raw());
    send(clients.back().get(), "{\"method\":\"check\"}\n", 19, MSG_NOSIGNAL);
  }
  const auto answer = ask_daemon(options_.run_dir / "nodeproof.sock", "check", kGuard);
  EXPECT_EQ(answer.error().code, Errc::busy);
  EXPECT_FALSE(ask("status").node.empty());
}

TEST(AskDaemon, SaysWhenThereIsNone) {
  const auto answer = ask_daemon("/nonexistent/nodeproof.sock", "status");
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::not_found);
  EXPECT_FALSE(answer.error().remedy.empty());
}

}  // namespace
}  // namespace nodeproof
