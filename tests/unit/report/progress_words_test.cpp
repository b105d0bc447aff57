#include "agent/report/progress_words.hpp"

#include <gtest/gtest.h>

#include "tests/unit/report/progress_sample.hpp"

namespace nodeproof::report {
namespace {

using namespace std::chrono_literals;

TEST(ProgressText, TellsBytesRateAndTimeLeft) {
  EXPECT_EQ(progress_text(pull("app:1", 12'300'000, 41'200'000, {3'100'000, 10s})),
            "app:1: pulling, 12.3 of 41.2 MB, 3.1 MB/s, 10 s left");
  EXPECT_EQ(progress_text(pull("app:1", 900'000, 41'200'000, {3'100'000, 125s})),
            "app:1: pulling, 900.0 kB of 41.2 MB, 3.1 MB/s, 2m05s left");
}

TEST(ProgressText, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(progress_text(pull("app:1", 0, 41'200'000)), "app:1: pulling, 0 B of 41.2 MB");
  EXPECT_EQ(progress_text(pull("app:1", 0, 0)), "app:1: pulling");
  EXPECT_EQ(progress_text(pull("app:1", 5, 9, {1, {}})), "app:1: pulling, 5 of 9 B, 1 B/s");
  EXPECT_EQ(progress_text({"app:1", Phase::unpack, 2, 5}), "app:1: unpacking, 2 of 5");
  EXPECT_EQ(progress_text({"app:1", Phase::inspect, 0, 0}), "app:1: inspecting");
}

TEST(ProgressText, SaysForHowLongNothingHasCome) {
  EXPECT_EQ(progress_text(still("app:1", 5, 9, 12s)), "app:1: pulling, 5 of 9 B, stalled for 12 s");
  EXPECT_EQ(progress_text(still("app:1", 5, 9, 9s)), "app:1: pulling, 5 of 9 B")
      << "a hiccup is no stall";
}

TEST(LeftText, HasTheUnitsThatAPersonWouldChoose) {
  const auto left = [](std::chrono::seconds time) { return left_text({1000, time}); };
  EXPECT_EQ(left(0s), "");
  EXPECT_EQ(left(8s), "8 s left");
  EXPECT_EQ(left(59s), "59 s left");
  EXPECT_EQ(left(60s), "1m00s left");
  EXPECT_EQ(left(3h + 7min), "3h07m left");
  EXPECT_EQ(left(100h), "4 days left");
  EXPECT_EQ(left_text({0, 8s}), "") << "nothing comes";
}

TEST(PullText, CountsTheImagesAndTheStalledOnes) {
  CycleProgress cycle{.images = {still("a:1", 1, 2, 19s), pull("b:1", 1, 2), {"c:1"}}, .seen = 7};
  cycle.done = 120'000'000;
  cycle.total = 800'000'000;
  cycle.pace = {5'000'000, 136s};
  EXPECT_EQ(pull_text(cycle),
            "pulling 2 of 7 images (1 stalled), 120.0 of 800.0 MB, 5.0 MB/s, 2m16s left");
}

TEST(PullText, NamesTheOnlyOne) {
  const CycleProgress cycle{.images = {{"a:1"}, pull("b\x1b[2J:1", 1, 2, {1, 1s})}, .seen = 2};
  EXPECT_EQ(pull_text(cycle), "pulling b\uFFFD[2J:1, 1 of 2 B, 1 B/s, 1 s left");
  EXPECT_EQ(pull_text({.images = {{"a:1"}}, .seen = 1}), "");
}

}  // namespace
}  // namespace nodeproof::report
