#include "agent/scrub.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "agent/codes.hpp"
#include "agent/scrub_state.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

using std::chrono::hours;

constexpr const char* kApp = "registry.test/app:1";

class Scrub : public testing::Test {
 protected:
  void SetUp() override {
    rig.push_layers(kApp, {"base", "app"});
    rig.require(kApp);
    ASSERT_EQ(rig.run().verdict, Verdict::ready);
    rig.store.forget_log();
    rig.config.settings.scrub = {hours(24), 1'000'000'000};
  }
  void slice(std::chrono::seconds length = std::chrono::seconds(30)) {
    const auto done = scrub_slice(rig.config, rig.store, rig.clock, {length, [] {}}, {});
    ASSERT_TRUE(done) << done.error().message;
  }
  [[nodiscard]] ScrubState state() const { return load_scrub(rig.config.state_dir); }
  CycleRig rig;
};

TEST_F(Scrub, ReadsEachBlobOncePerRound) {
  slice();
  EXPECT_EQ(state().done.size(), 5U) << "index, manifest, config and two layers";
  EXPECT_EQ(rig.store.count("read"), 5U);
  slice();
  EXPECT_EQ(rig.store.count("read"), 5U);
  rig.clock.advance(hours(25));
  slice();
  EXPECT_EQ(rig.store.count("read"), 10U);
}

TEST_F(Scrub, EndsWithItsSliceAndGoesOnInTheNext) {
  slice(std::chrono::seconds(0));
  EXPECT_EQ(rig.store.count("read"), 0U);
  EXPECT_LE(state().due, state().round) << "at once";
  slice();
  EXPECT_EQ(rig.store.count("read"), 5U);
  EXPECT_EQ(state().due, state().round + 24 * 3600);
}

TEST_F(Scrub, WarnsOfADamagedBlobUntilItIsWhole) {
  slice();
  const Digest digest = *Digest::parse(state().done[2]);
  rig.store.replace_bytes(digest, "rotten");
  rig.clock.advance(hours(25));
  slice();
  const NodeReport report = rig.run();
  EXPECT_EQ(report.verdict, Verdict::ready) << "what is unpacked runs on";
  const auto found =
      std::ranges::find(report.images[0].findings, code::kContentCorrupt, &Finding::code);
  ASSERT_NE(found, report.images[0].findings.end());
  EXPECT_EQ(found->severity, Severity::warn);
  EXPECT_EQ(found->subject, digest.str());
  EXPECT_EQ(found->remedy, "fetch it again: nodeproof repair registry.test/app:1");
  ASSERT_TRUE(forget_damage(rig.config.state_dir, {digest.str()}));
  EXPECT_THAT(rig.run().images[0].findings, testing::IsEmpty());
}

TEST_F(Scrub, KeepsWhatItHasReadWhenItIsCutOff) {
  slice();
  const std::string last = state().done.back();
  ASSERT_TRUE(save_scrub(rig.config.state_dir, {}));
  rig.store.fail_with("read " + last, {Errc::runtime_unavailable, "gone", ""}, 1);
  EXPECT_FALSE(scrub_slice(rig.config, rig.store, rig.clock, {}, {}));
  EXPECT_EQ(state().done.size(), 4U);
  EXPECT_TRUE(state().damaged.empty()) << "containerd's silence is no damage";
  slice();
  EXPECT_EQ(state().done.size(), 5U);
}

TEST_F(Scrub, NeverComesWhereItIsTurnedOff) {
  rig.config.settings.scrub.every = {};
  slice();
  EXPECT_EQ(rig.store.count("read"), 0U);
}

}  // namespace
}  // namespace nodeproof
