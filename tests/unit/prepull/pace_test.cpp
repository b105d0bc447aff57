#include <gtest/gtest.h>

#include <thread>

#include "agent/prepull/limits.hpp"
#include "agent/prepull/meter.hpp"
#include "agent/prepull/throttle.hpp"

namespace nodeproof::prepull {
namespace {

using namespace std::chrono_literals;
using Time = std::chrono::steady_clock::time_point;

constexpr Time kBegin = Time() + 1h;

// ---- the bucket
TEST(TokenBucket, LetsThroughWhatTheCapAllowsOverAnyLongTime) {
  TokenBucket bucket(1'000'000, kBegin);
  Time now = kBegin;
  std::uint64_t bytes = 0;
  while (now < kBegin + 10s) {
    now += bucket.take(16'384, now);
    bytes += 16'384;
  }
  EXPECT_LE(bytes, 10'100'000U + 16'384U);
  EXPECT_GE(bytes, 9'900'000U);
}

TEST(TokenBucket, IsSmooth) {
  TokenBucket bucket(1'000'000, kBegin);
  Time now = kBegin;
  for (int i = 0; i < 100; ++i) {
    const auto wait = bucket.take(10'000, now);
    EXPECT_LE(wait, 11ms) << "no long pauses between chunks";
    now += wait;
  }
}

TEST(TokenBucket, SavesNoMoreThanATenthOfASecond) {
  TokenBucket bucket(1'000'000, kBegin);
  EXPECT_EQ(bucket.take(100'000, kBegin + 1h), 0ns);
  EXPECT_GE(bucket.take(100'000, kBegin + 1h), 99ms);
}

TEST(TokenBucket, MakesSeveralTakeTurns) {
  TokenBucket bucket(1'000'000, kBegin);
  static_cast<void>(bucket.take(100'000, kBegin));
  const auto first = bucket.take(50'000, kBegin);
  const auto second = bucket.take(50'000, kBegin);
  EXPECT_EQ(first, 50ms);
  EXPECT_EQ(second, 100ms);
}

TEST(Throttle, EndsSoonAfterAStop) {
  Throttle throttle(1);
  std::stop_source stop;
  const std::jthread stopper([&] { stop.request_stop(); });
  const auto taken = throttle.take(1'000'000, stop.get_token());
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Errc::cancelled);
}

// ---- the meter
TEST(Meter, KnowsTheRateOfTheLastSecondsAndWhatItMeansForTheRest) {
  Meter meter(kBegin);
  for (int i = 0; i < 100; ++i) meter.add(100'000, kBegin + i * 100ms);
  const Pace pace = meter.pace(5'000'000, kBegin + 10s);
  EXPECT_NEAR(static_cast<double>(pace.rate), 1e6, 2e5);
  ASSERT_TRUE(pace.left);
  EXPECT_NEAR(static_cast<double>(pace.left->count()), 5, 1);
}

TEST(Meter, SaysThatNothingComes) {
  Meter meter(kBegin);
  meter.add(1'000'000, kBegin);
  const Pace pace = meter.pace(1, kBegin + 7s);
  EXPECT_EQ(pace.rate, 0U);
  EXPECT_EQ(pace.left, std::nullopt);
}

TEST(Meter, HasNothingLeftAtTheEnd) {
  EXPECT_EQ(Meter(kBegin).pace(0, kBegin).left, std::chrono::seconds(0));
}

TEST(Meter, ForgetsOldSeconds) {
  Meter meter(kBegin);
  meter.add(100'000'000, kBegin);
  for (int i = 20; i < 30; ++i) meter.add(1'000, kBegin + i * 1s);
  EXPECT_LE(meter.pace(1, kBegin + 29s).rate, 2'000U);
}

// ---- the limits
struct Limited {
  std::string name;
  SetOptions options;
  bool capped;
  unsigned cores;
  unsigned fetches, unpacks;
};

class LimitsFor : public testing::TestWithParam<Limited> {};

TEST_P(LimitsFor, SuitTheNode) {
  const Limits limits = limits_for(GetParam().options, GetParam().capped, GetParam().cores);
  EXPECT_EQ(limits.fetches, GetParam().fetches);
  EXPECT_EQ(limits.unpacks, GetParam().unpacks);
}

SetOptions options(unsigned parallel, std::uint64_t memory_mb = 0, unsigned unpacks = 0) {
  SetOptions options;
  options.parallel = parallel;
  options.memory = memory_mb << 20;
  options.unpacks = unpacks;
  return options;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, LimitsFor,
    testing::Values(Limited{"APlainNode", options(3), false, 4, 3, 3},
                    Limited{"OneCore", options(3), false, 1, 3, 1},
                    Limited{"TwoCores", options(3), false, 2, 3, 2},
                    Limited{"UnknownCores", options(3), false, 0, 3, 1},
                    Limited{"ACap", options(3), true, 4, 1, 3},
                    Limited{"SixtyFourMegabytes", options(8, 64), false, 4, 2, 3},
                    Limited{"VeryLittleMemory", options(3, 16), false, 4, 1, 3},
                    Limited{"PlentyOfMemory", options(3, 8192), false, 4, 3, 3},
                    Limited{"NoneAskedFor", options(0), false, 4, 1, 3},
                    Limited{"UnpacksAskedFor", options(3, 0, 2), false, 8, 3, 2}),
    [](const auto& one) { return one.param.name; });

TEST(Commits, BlockOnVersionsBefore2) {
  EXPECT_TRUE(commits_block("1.6.20"));
  EXPECT_TRUE(commits_block("1.7.24"));
  EXPECT_FALSE(commits_block("2.1.9"));
  EXPECT_FALSE(commits_block(""));
}

}  // namespace
}  // namespace nodeproof::prepull
