#include "agent/polls.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class PollsTest : public testing::Test {
 protected:
  [[nodiscard]] Polls open(const std::string& node = "pi-17") const {
    return {file_, node, hours(6), clock_};
  }
  // Until the tag is due, in minutes.
  int wait(Polls& polls, const Reference& tag) {
    for (int waited = 0; waited <= 24 * 60; ++waited) {
      if (polls.is_due(tag, OnTagMoved::report)) return waited;
      clock_.advance(minutes(1));
    }
    return -1;
  }
  [[nodiscard]] static Reference tag(const std::string& name) { return *Reference::parse(name); }

  fakes::TempFolder folder_;
  const std::filesystem::path file_ = folder_.path() / "run/polls.json";
  fakes::FakeClock clock_;
  const Reference app_ = tag("r.example/app:1");
};

TEST_F(PollsTest, ATagIsDueOncePerPeriodAtTheSameMoment) {
  Polls polls = open();
  polls.answered(app_, OnTagMoved::report);
  const int first = wait(polls, app_);
  ASSERT_GE(first, 0);
  EXPECT_LE(first, 6 * 60);
  polls.answered(app_, OnTagMoved::report);
  EXPECT_EQ(wait(polls, app_), 6 * 60);
}

TEST_F(PollsTest, EveryNodeAndTagHasAMomentOfItsOwn) {
  std::set<int> moments;
  for (int node = 0; node < 50; ++node) {
    fakes::FakeClock clock;
    Polls polls(file_, "pi-" + std::to_string(node), hours(6), clock);
    polls.answered(app_, OnTagMoved::report);
    int waited = 0;
    for (; !polls.is_due(app_, OnTagMoved::report); ++waited) clock.advance(minutes(1));
    moments.insert(waited / 60);
  }
  EXPECT_GE(moments.size(), 6U) << "in every hour some are due";
  Polls polls = open();
  const Reference other = tag("r.example/other:1");
  polls.answered(app_, OnTagMoved::report);
  polls.answered(other, OnTagMoved::report);
  const int first = wait(polls, app_);
  EXPECT_NE(first, first + wait(polls, other));
}

TEST_F(PollsTest, TheNextCycleKnowsWhatWasAsked) {
  Polls before = open();
  before.answered(app_, OnTagMoved::report);
  ASSERT_TRUE(before.save());
  Polls after = open();
  EXPECT_FALSE(after.is_due(app_, OnTagMoved::report));
  EXPECT_TRUE(after.is_due(app_, OnTagMoved::follow)) << "the policy is another one";
  for (int i = 0; i < 6 * 60; ++i) {
    clock_.advance(minutes(1));
    EXPECT_EQ(after.is_due(app_, OnTagMoved::report), before.is_due(app_, OnTagMoved::report));
  }
  EXPECT_TRUE(after.is_due(app_, OnTagMoved::report));
}

TEST_F(PollsTest, AfterABootATagIsDueWithinTheFirstHourAndNotAtOnce) {
  std::set<int> moments;
  for (int i = 0; i < 20; ++i) {
    Polls polls = open("pi-" + std::to_string(i));
    const int waited = wait(polls, app_);
    EXPECT_LE(waited, 60);
    moments.insert(waited);
  }
  EXPECT_GT(moments.size(), 5U);
}

TEST_F(PollsTest, WhatIsNotReadableOrFromTheFutureStopsNoPoll) {
  Polls polls = open();
  clock_.advance(hours(48));
  polls.answered(app_, OnTagMoved::report);
  ASSERT_TRUE(polls.save());
  const fakes::FakeClock set_back;
  EXPECT_TRUE(Polls(file_, "pi-17", hours(6), set_back).is_due(app_, OnTagMoved::report));
  std::ofstream(file_) << "{\"version\": 1, \"tags\": {";
  Polls torn = open();
  EXPECT_GE(wait(torn, app_), 0);
}

TEST_F(PollsTest, NothingIsWrittenWhenNothingWasAsked) {
  Polls polls = open();
  ASSERT_TRUE(polls.save());
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(PollsTest, ARegistryWithLessThanAFifthLeftIsNotAskedUntilItsWindowHasPassed) {
  Polls polls = open();
  polls.note(app_, RateLimit{100, 20, hours(6)});
  EXPECT_FALSE(polls.paused_until(app_));
  polls.note(app_, RateLimit{100, 19, hours(6)});
  ASSERT_TRUE(polls.save());
  Polls next = open();
  EXPECT_TRUE(next.paused_until(app_));
  EXPECT_EQ(next.limit_of(app_), (RateLimit{100, 19, hours(6)}));
  EXPECT_FALSE(next.paused_until(tag("other.example/app:1")));
  clock_.advance(hours(6));
  EXPECT_FALSE(next.paused_until(app_));
  EXPECT_FALSE(open().limit_of(app_));
}

TEST_F(PollsTest, ARegistryThatWantsToBeLeftAloneIs) {
  Polls polls = open();
  polls.refused(app_);
  EXPECT_TRUE(polls.paused_until(app_));
  clock_.advance(hours(1));
  EXPECT_FALSE(polls.paused_until(app_));
}

TEST_F(PollsTest, WhatIsWantedIsRememberedSinceItsFirstTime) {
  Polls polls = open();
  EXPECT_EQ(polls.wanted_since(app_), std::nullopt);
  polls.want(app_);
  const auto since = polls.wanted_since(app_);
  ASSERT_TRUE(since);
  clock_.advance(hours(1));
  polls.want(app_);
  ASSERT_TRUE(polls.save());
  Polls again = open();
  EXPECT_EQ(again.wanted_since(app_), since);
  again.unwant(app_);
  ASSERT_TRUE(again.save());
  EXPECT_EQ(open().wanted_since(app_), std::nullopt);
}

TEST(ShareOf, IsTheNodesOwnAndBelowThePeriod) {
  std::set<seconds> shares;
  for (int node = 0; node < 100; ++node) {
    const std::string name = "pi-" + std::to_string(node);
    const seconds share = share_of(hours(1), name, "start_jitter");
    EXPECT_EQ(share_of(hours(1), name, "start_jitter"), share);
    EXPECT_GE(share, seconds(0));
    EXPECT_LT(share, hours(1));
    shares.insert(seconds(share.count() / 600));
  }
  EXPECT_GE(shares.size(), 6U) << "in every ten minutes some begin";
  EXPECT_EQ(share_of(seconds(0), "pi-17", "start_jitter"), seconds(0));
}

}  // namespace
}  // namespace nodeproof
