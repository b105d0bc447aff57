// What ready means, a sentence each. Said elsewhere: a moved tag (MovedTag), a damaged tag and
// polling (PollingTest), a boot, a power cut and another nodeproof (Again), a silent containerd
// (Cycle), a crashed cycle (DaemonCycle), a restart (Restart).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "agent/boot_state.hpp"
#include "agent/codes.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::IsEmpty;
using namespace std::chrono_literals;

constexpr const char* kApp = "registry.test:5000/app:1";
const Error kDead{Errc::unreachable, "registry.test: no route to host", ""};

auto finding(std::string_view code, Severity severity) {
  return AllOf(Field(&Finding::code, std::string(code)), Field(&Finding::severity, severity));
}

// A node whose daemon has proven its image.
class Ready : public testing::Test {
 protected:
  void SetUp() override {
    fs::copy(rig.config.host_root, home_.path() / "host",
             fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    rig.config.host_root = home_.path() / "host";
    rig.config.polling = Polling::when_due;
    index_ = rig.push(kApp);
    rig.require(kApp);
    rig.runtime.behave(as_planned);
    boot("one");
    ASSERT_EQ(rig.run().verdict, Verdict::ready);
  }
  void write(const char* file, const std::string& text) const {
    fs::create_directories((rig.config.host_root / file).parent_path());
    std::ofstream(rig.config.host_root / file) << text;
  }
  void boot(const std::string& id) const {
    write("proc/sys/kernel/random/boot_id", id + "\n");
    fs::remove_all(rig.config.run_dir);
    const BootState boots(rig.config.state_dir);
    ASSERT_TRUE(boots.stopped("before"));
    ASSERT_TRUE(boots.started(id));
  }
  // After a boot files are compared and no test runs: the plan says so.
  static Result<ContainerExit> as_planned(const ContainerRequest& request) {
    std::string plan = request.stdout_path;
    plan.replace(plan.rfind(".out"), 4, ".plan");
    std::ifstream in(plan);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    smoke::RunRecord record;
    record.state = smoke::RunState::exited;
    record.exit = 0;
    std::ofstream out(request.stdout_path);
    out << smoke::files_line(1, 0);
    if (text.contains("/bin/app\"]")) out << smoke::test_line(0, record);
    out << smoke::kEndLine;
    return ContainerExit{};
  }
  void upgrade_containerd() {
    rig.runtime.set_facts(ContainerdFacts{.socket = "/run/containerd/containerd.sock",
                                          .version = "2.1.9",
                                          .namespace_ = "k8s.io",
                                          .snapshotter = "overlayfs",
                                          .cri = true,
                                          .systemd_cgroup = false});
  }
  CycleRig rig;
  std::optional<Descriptor> index_;

 private:
  fakes::TempFolder home_;
};

TEST_F(Ready, OutlivesARegistryThatIsDeadForAWeekAndARebootWithoutIt) {
  rig.registry.fail_with(kApp, kDead);
  for (int day = 0; day < 7; ++day) {
    rig.clock.advance(24h);
    const NodeReport report = rig.run();
    EXPECT_EQ(report.verdict, Verdict::ready) << "day " << day;
    EXPECT_EQ(report.freshness, Freshness::unreachable);
    EXPECT_THAT(report.images[0].findings,
                Contains(finding(code::kRegistryUnreachable, Severity::warn)));
  }
  boot("two");
  rig.clock.advance(24h);
  EXPECT_EQ(rig.run().verdict, Verdict::ready);
  EXPECT_EQ(rig.run().images[0].index_digest, index_->digest.str());
}

TEST_F(Ready, OutlivesAClockThatFallsBackTo1970) {
  rig.clock.advance(-24h * 365 * 50);
  rig.registry.fail_with(kApp, kDead);
  EXPECT_EQ(rig.run().verdict, Verdict::ready);
  EXPECT_EQ(rig.store.images().at(kApp).labels.count("io.cri-containerd.pinned"), 1U);
}

TEST_F(Ready, OutlivesADiskThatIsTooFullForItsSuccessor) {
  rig.config.settings.images[0].on_tag_moved = OnTagMoved::follow;
  rig.push(kApp, "2");
  rig.store.fail_with("sync", {Errc::no_space, "no space left on device", ""});
  rig.clock.advance(6h);
  const NodeReport report = rig.run();
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_EQ(report.images[0].index_digest, index_->digest.str());
  EXPECT_THAT(report.images[0].findings, Contains(finding(code::kTagMoved, Severity::warn)));
}

TEST_F(Ready, IsProvenAnewWithoutTheRegistryOnAnotherContainerdAndOnAnotherKernel) {
  rig.registry.fail_with(kApp, kDead);
  upgrade_containerd();
  EXPECT_EQ(rig.run().verdict, Verdict::ready);
  EXPECT_EQ(rig.runtime.requests().size(), 2U) << "the tests have run again";
  write("proc/sys/kernel/osrelease", "6.99\n");
  boot("two");
  EXPECT_EQ(rig.run().verdict, Verdict::ready);
  EXPECT_EQ(rig.runtime.requests().size(), 3U);
}

TEST_F(Ready, EndsOnAKernelOnWhichTheImageFailsAndItsContainersAreNamed) {
  rig.chains.add_container({"web", kApp, "web", {}, "running"},
                           *Digest::parse(rig.run().images[0].rootfs));
  write("proc/sys/kernel/osrelease", "6.99\n");
  rig.tests_exit_with(132);
  const NodeReport report = rig.run();
  EXPECT_EQ(report.verdict, Verdict::not_ready);
  EXPECT_THAT(report.images[0].findings, Contains(finding(code::kSmokeFailed, Severity::fail)));
  EXPECT_THAT(report.images[0].findings, Contains(finding(code::kInUseAndFailing, Severity::warn)));
}

TEST_F(Ready, IsNotSaidOfASecondImageThatWasNeverProvenWhileTheFirstStands) {
  rig.require("registry.test:5000/new:1");
  rig.registry.fail_with("registry.test:5000/new:1", kDead);
  const NodeReport report = rig.run();
  EXPECT_EQ(report.verdict, Verdict::unknown);
  EXPECT_EQ(report.images[0].verdict, Verdict::ready);
  EXPECT_EQ(report.message, "1/2 ready; RegistryUnreachable new:1");
}

}  // namespace
}  // namespace nodeproof
