// What makes the daemon check before its interval is over.
#include "agent/daemon_clock.hpp"
#include "tests/unit/daemon/daemon_process.hpp"

namespace nodeproof {
namespace {

class DaemonTrigger : public DaemonProcess {
 protected:
  void SetUp() override {
    DaemonProcess::SetUp();
    options_.settle = 20ms;
    options_.look_every = 20ms;
    options_.load_config = [this](const std::filesystem::path& file) {
      auto settings = load(file);
      if (settings) settings->containerd_sockets = {socket_};
      return settings;
    };
    write("report.ndjson", report::stream_line(report_with(Verdict::ready)));
    cycle_is("echo x >> " + path("cycles") + "; cat " + path("report.ndjson"));
  }

  [[nodiscard]] std::string path(const std::string& name) const { return (root_ / name).string(); }

  [[nodiscard]] std::size_t runs(const std::string& name) const {
    return static_cast<std::size_t>(std::ranges::count(read_file(root_ / name).value_or(""), '\n'));
  }

  bool more_than(std::size_t before, const std::string& name) {
    return eventually([&] { return runs(name) > before; });
  }

  // The looks say what the file "said" holds.
  void looks_say(const Error& error) const {
    write("next", report::stream_line(error));
    std::filesystem::rename(root_ / "next", root_ / "said");
  }
  void start_looking() {
    write("said", "");
    write("look.sh", "echo x >> " + path("looks") + "; cat " + path("said"));
    options_.look_command = [this](const std::filesystem::path&) {
      return std::vector<std::string>{"/bin/sh", path("look.sh")};
    };
    start_and_wait_until_ready();
    ASSERT_TRUE(more_than(0, "looks"));
  }

  // containerd: removes what an earlier one left and listens.
  void containerd_starts() {
    std::filesystem::create_directories(socket_.parent_path());
    std::filesystem::remove(socket_);
    containerd_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_.c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(bind(containerd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }

  const std::filesystem::path socket_ = root_ / "run/other/containerd/containerd.sock";
  UniqueFd containerd_;
};

TEST_F(DaemonTrigger, IsAContainerdThatStartsForTheFirstTime) {
  start_and_wait_until_ready();
  ASSERT_TRUE(more_than(0, "cycles"));
  ask("status");
  containerd_starts();  // with the folders on the way
  EXPECT_TRUE(more_than(1, "cycles"));
}

TEST_F(DaemonTrigger, IsAContainerdThatStartsAgain) {
  containerd_starts();
  start_and_wait_until_ready();
  ASSERT_TRUE(more_than(0, "cycles"));
  containerd_starts();
  ASSERT_TRUE(more_than(1, "cycles"));
  const std::size_t before = runs("cycles");
  containerd_.reset();
  std::filesystem::remove_all(socket_.parent_path());  // as a unit's RuntimeDirectory does
  std::filesystem::remove_all(socket_.parent_path().parent_path());
  ask("status");
  containerd_starts();
  EXPECT_TRUE(more_than(before, "cycles"));
}

TEST_F(DaemonTrigger, IsAContainerdOfAConfigurationThatWasReloaded) {
  start_and_wait_until_ready();
  ASSERT_TRUE(more_than(0, "cycles"));
  kill(pid_, SIGHUP);
  ASSERT_TRUE(more_than(1, "cycles"));
  containerd_starts();
  EXPECT_TRUE(more_than(2, "cycles"));
}

TEST_F(DaemonTrigger, IsNoOtherOwnerOfTheSocket) {
  containerd_starts();
  start_and_wait_until_ready();
  const std::uint64_t first = ask("check").sequence;
  std::filesystem::permissions(socket_, std::filesystem::perms::owner_all);
  write("run/other/containerd/containerd.sock.ttrpc", "");  // it looks again
  constexpr int kLongerThanItSettles = 20;
  for (int i = 1; i < kLongerThanItSettles; ++i) ask("check");
  EXPECT_EQ(ask("check").sequence, first + kLongerThanItSettles);
}

TEST_F(DaemonTrigger, IsNoFileBesideTheSocket) {
  containerd_starts();
  start_and_wait_until_ready();
  const std::uint64_t first = ask("check").sequence;
  write("run/other/containerd/containerd.sock.ttrpc", "");
  std::filesystem::remove(socket_);  // stopped, not started
  EXPECT_EQ(ask("check").sequence, first + 1);
}

TEST_F(DaemonTrigger, IsAnImageThatIsGoneAndOnlyOnce) {
  start_looking();
  ASSERT_TRUE(more_than(0, "cycles"));
  const std::size_t before = runs("cycles");
  looks_say({Errc::not_found, "app:1 is no longer in containerd", ""});
  ASSERT_TRUE(more_than(before, "cycles"));
  // The cycle could not mend it: that is no reason to go on and on.
  const std::size_t looks = runs("looks");
  ASSERT_TRUE(more_than(looks + 4, "looks"));
  EXPECT_EQ(runs("cycles"), before + 1);
  looks_say({Errc::not_found, "app:2 is no longer in containerd", ""});
  EXPECT_TRUE(more_than(before + 1, "cycles"));
}

TEST_F(DaemonTrigger, IsNoLookThatFails) {
  start_looking();
  ASSERT_TRUE(more_than(0, "cycles"));
  const std::size_t before = runs("cycles");
  looks_say({Errc::runtime_unavailable, "containerd is not running", ""});
  const std::size_t looks = runs("looks");
  ASSERT_TRUE(more_than(looks + 4, "looks"));
  write("look.sh", "echo x >> " + path("looks") + "; kill -SEGV $$");
  ASSERT_TRUE(more_than(looks + 8, "looks"));
  EXPECT_EQ(runs("cycles"), before);
  EXPECT_EQ(ask("status").verdict, Verdict::ready);
}

TEST_F(DaemonTrigger, ALookEndsWithTheDaemon) {
  start_looking();
  write("look.sh", "echo $$ > " + path("pid") + "; exec sleep 60");
  ASSERT_TRUE(eventually([&] { return read_file(root_ / "pid").value_or("").ends_with('\n'); }));
  kill(pid_, SIGTERM);
  EXPECT_EQ(wait_for_exit(), 0);
  EXPECT_NE(kill(std::stoi(read_file(root_ / "pid").value()), 0), 0);
}

using std::chrono::hours;
constexpr ClockOffset::Time kBoot = 10s, kWall = hours(24 * 365 * 50);

TEST(ClockOffset, IsNothingWhileBothGoOn) {
  ClockOffset offset(kWall, kBoot);
  EXPECT_EQ(offset.moved(kWall + hours(100), kBoot + hours(100)), 0s);
  EXPECT_EQ(offset.moved(kWall + hours(100) + 59s, kBoot + hours(100)), 0s);
}

TEST(ClockOffset, IsToldOnceInBothDirections) {
  ClockOffset offset(0s, kBoot);  // 1970
  EXPECT_EQ(offset.moved(kWall, kBoot), kWall);
  EXPECT_EQ(offset.moved(kWall + 5s, kBoot + 5s), 0s);
  EXPECT_EQ(offset.moved(kWall - hours(1), kBoot), -hours(1));
}

TEST(ClockOffset, AddsUpWhatIsSlow) {
  ClockOffset offset(kWall, kBoot);
  EXPECT_EQ(offset.moved(kWall + 30s, kBoot), 0s);
  EXPECT_EQ(offset.moved(kWall + 60s, kBoot), 60s);
}

}  // namespace
}  // namespace nodeproof
