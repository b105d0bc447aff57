// A board without a battery starts in 1970 and is set later; a wrong time server sets a clock back.
#include <gtest/gtest.h>

#include "agent/codes.hpp"
#include "agent/polls.hpp"
#include "agent/scrub.hpp"
#include "agent/scrub_state.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

using std::chrono::hours;

constexpr const char* kApp = "registry.test/app:1";
constexpr hours kYears{24 * 365 * 56};  // from 1970 to now, and a bit

class ClockJump : public testing::Test {
 protected:
  void SetUp() override {
    rig.push_layers(kApp, {"base"});
    rig.require(kApp);
  }
  [[nodiscard]] Polls polls() const {
    return {rig.config.run_dir / "polls.json", "pi-17", hours(6), rig.clock};
  }
  CycleRig rig;
  const Reference app_ = *Reference::parse(kApp);
};

TEST_F(ClockJump, CostsNoVerdict) {
  rig.clock.advance(-kYears);
  EXPECT_EQ(rig.run().verdict, Verdict::ready);
  rig.clock.advance(kYears);
  EXPECT_EQ(rig.run().verdict, Verdict::ready);
  rig.clock.advance(-kYears);
  EXPECT_EQ(rig.run().verdict, Verdict::ready);
}

TEST_F(ClockJump, MakesATagDueOnce) {
  rig.clock.advance(-kYears);
  Polls before = polls();
  before.answered(app_, OnTagMoved::report);
  ASSERT_TRUE(before.save());
  rig.clock.advance(kYears);
  Polls after = polls();
  after.answered(app_, OnTagMoved::report);
  EXPECT_FALSE(after.is_due(app_, OnTagMoved::report));
  ASSERT_TRUE(after.save());
  rig.clock.advance(-kYears);
  Polls back = polls();
  EXPECT_TRUE(back.is_due(app_, OnTagMoved::report)) << "asked in the future";
  back.answered(app_, OnTagMoved::report);
  EXPECT_FALSE(back.is_due(app_, OnTagMoved::report));
}

TEST_F(ClockJump, EndsAPauseForARateLimit) {
  Polls before = polls();
  before.refused(app_);
  EXPECT_TRUE(before.paused_until(app_));
  ASSERT_TRUE(before.save());
  rig.clock.advance(-kYears);
  EXPECT_FALSE(polls().paused_until(app_)) << "it would last for decades";
  rig.clock.advance(2 * kYears);
  EXPECT_FALSE(polls().paused_until(app_));
}

TEST_F(ClockJump, BeginsARoundOfTheScrubAnew) {
  ASSERT_EQ(rig.run().verdict, Verdict::ready);
  rig.config.settings.scrub = {hours(24), 1'000'000'000};
  const auto slice = [&] { ASSERT_TRUE(scrub_slice(rig.config, rig.store, rig.clock, {}, {})); };
  slice();
  const std::int64_t first = load_scrub(rig.config.state_dir).due;
  rig.clock.advance(-kYears);
  slice();
  const std::int64_t back = load_scrub(rig.config.state_dir).due;
  EXPECT_LT(back, first) << "not in decades";
  rig.clock.advance(kYears);
  slice();
  EXPECT_EQ(load_scrub(rig.config.state_dir).due, first);
}

TEST_F(ClockJump, AnAcceptanceEndsOnItsDayByTheClockThatIsRight) {
  rig.config.settings.images[0].smoke[0].args = {"/usr/bin/absent"};
  Acceptance known;
  known.code = code::kEntrypointMissing;
  known.until = std::chrono::floor<std::chrono::days>(rig.clock.now()) - std::chrono::days(2);
  known.why = "known";
  rig.config.settings.accept = {known};
  rig.clock.advance(-kYears);
  EXPECT_EQ(rig.run().verdict, Verdict::ready);
  rig.clock.advance(kYears);
  EXPECT_EQ(rig.run().verdict, Verdict::not_ready);
}

}  // namespace
}  // namespace nodeproof
