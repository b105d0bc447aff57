#include "agent/pull_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/codes.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

using std::chrono::hours;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;

constexpr const char* kApp = "registry.test:5000/app:1";

class PullPlanTest : public testing::Test {
 protected:
  PullReport plan() {
    Ports ports{rig.registry, rig.store, rig.runtime, rig.clock, [](const Progress&) {}};
    return plan_pull(rig.config, ports,
                     [](const Reference&) { return std::string("the configuration"); }, {});
  }
  CycleRig rig;
};

TEST_F(PullPlanTest, SaysWhatWouldBeFetchedAndWritesNothing) {
  rig.push(kApp);
  rig.require(kApp);
  const PullReport found = plan();
  EXPECT_EQ(found.verdict, Verdict::ready);
  const PlannedImage& image = found.images.at(0);
  EXPECT_EQ(image.platform, "linux/arm64");
  EXPECT_GT(image.forecast.fetch, 0U);
  EXPECT_EQ(found.fetch, image.forecast.fetch);
  EXPECT_EQ(image.credentials, "the configuration");
  EXPECT_THAT(image.tests, ElementsAre("starts"));
  EXPECT_THAT(rig.store.log(), IsEmpty());
  const std::filesystem::directory_iterator state(rig.config.state_dir);
  EXPECT_EQ(std::distance(begin(state), end(state)), 1) << "the daemon's mark alone";
  EXPECT_FALSE(std::filesystem::exists(rig.config.run_dir));
}

TEST_F(PullPlanTest, OfWhatIsProvenNothingIsFetched) {
  rig.push(kApp);
  rig.require(kApp);
  ASSERT_EQ(rig.run().verdict, Verdict::ready);
  EXPECT_EQ(plan().fetch, 0U);
}

TEST_F(PullPlanTest, WhatOnTagMovedLeavesAloneIsNotFetched) {
  rig.push(kApp);
  rig.require(kApp);
  ASSERT_EQ(rig.run().verdict, Verdict::ready);
  rig.push(kApp, "2");
  const PullReport stays = plan();
  EXPECT_TRUE(stays.images[0].proven_stays);
  EXPECT_EQ(stays.fetch, 0U);
  rig.config.settings.images[0].on_tag_moved = OnTagMoved::follow;
  EXPECT_GT(plan().fetch, 0U);
}

TEST_F(PullPlanTest, SaysWhenTheDaemonWouldFetchIt) {
  rig.config.settings.pull.windows = {*parse_time_window("22:00-23:00")};
  rig.config.utc_offset = [](std::chrono::sys_seconds) { return std::chrono::seconds(0); };
  rig.config.patient = true;
  rig.push(kApp);
  rig.require(kApp);
  EXPECT_EQ(plan().images[0].deferred_until, std::nullopt) << "never proven, and required";
  rig.config.settings.images[0].required = false;
  EXPECT_EQ(plan().images[0].deferred_until, parse_rfc3339("2026-11-21T22:00:00Z"));
}

TEST_F(PullPlanTest, AMissingPlatformIsKnownAndASilentRegistryIsNot) {
  rig.push_for(kApp, "amd64");
  rig.require(kApp);
  const PullReport missing = plan();
  EXPECT_EQ(missing.verdict, Verdict::not_ready);
  EXPECT_THAT(missing.images[0].findings,
              Contains(Field(&Finding::code, std::string(code::kPlatformMissing))));
  rig.registry.fail_with(kApp, {Errc::unreachable, "no answer", ""});
  EXPECT_EQ(plan().verdict, Verdict::unknown);
  rig.config.settings.images[0].required = false;
  EXPECT_EQ(plan().verdict, Verdict::ready);
}

TEST_F(PullPlanTest, WhatDoesNotFitIsKnown) {
  const Volume full{.id = 1, .bytes = 1'000'000, .free_bytes = 10};
  rig.store.set_volumes({{"/content", full}, {"/snapshots", full}});
  rig.push(kApp);
  rig.require(kApp);
  const PullReport found = plan();
  EXPECT_EQ(found.verdict, Verdict::not_ready);
  EXPECT_THAT(found.images[0].findings,
              Contains(Field(&Finding::code, std::string(code::kNoSpace))));
  EXPECT_EQ(found.places.size(), 1U);
}

}  // namespace
}  // namespace nodeproof
