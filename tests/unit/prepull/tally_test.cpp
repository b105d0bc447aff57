#include "agent/prepull/tally.hpp"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.hpp"

namespace nodeproof::prepull {
namespace {

using namespace std::chrono_literals;

// "one" has the blobs 0 and 1, "two" has 0 and 2; each is of 1000 bytes.
PullPlan two_images() {
  PullPlan plan;
  plan.blobs = {{{{0, 0}, {1, 0}}, Need::download, 1000},
                {{{0, 1}}, Need::download, 1000},
                {{{1, 1}}, Need::download, 1000}};
  plan.images = {{{0, 1}, {}, 2000}, {{0, 2}, {}, 2000}};
  plan.download_bytes = 3000;
  return plan;
}

class Tallied : public testing::Test {
 protected:
  // What is said about the image when a second has passed.
  std::optional<Progress> reminded(std::size_t image) {
    clock.advance(1s);
    reports.clear();
    tally.remind(image);
    return reports.empty() ? std::nullopt : std::optional(reports.back());
  }

  fakes::FakeClock clock;
  std::vector<Progress> reports;
  const ProgressSink sink = [this](const Progress& report) { reports.push_back(report); };
  Tally tally{two_images(), {"one", "two"}, sink, &clock};
};

TEST_F(Tallied, SaysForHowLongNothingHasCome) {
  tally.found(0, 0);
  tally.came(0, 0, 100);
  clock.advance(11s);
  const auto report = reminded(0);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->still, 12s);
  EXPECT_EQ(report->pace.rate, 0U);
  tally.came(0, 0, 100);
  EXPECT_EQ(reminded(0)->still, 1s);
}

TEST_F(Tallied, AlsoBeforeTheFirstByte) {
  EXPECT_FALSE(reminded(0)) << "nobody fetches anything yet";
  tally.found(0, 0);
  clock.advance(8s);
  const auto report = reminded(0);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->still, 9s);
  EXPECT_EQ(report->done, 0U);
}

TEST_F(Tallied, AnImageThatWaitsForItsTurnDoesNotStandStill) {
  tally.found(0, 0);
  tally.came(0, 0, 1000);
  tally.found(1, 0);
  clock.advance(20s);
  EXPECT_EQ(reminded(0)->still, 21s);
  const auto waiting = reminded(1);
  ASSERT_TRUE(waiting);
  EXPECT_EQ(waiting->still, 0s);
  EXPECT_EQ(waiting->pace.rate, 0U);
}

TEST_F(Tallied, AnotherBlobThatIsBegunEndsNoStandstill) {
  tally.found(0, 0);
  clock.advance(9s);
  tally.found(1, 0);
  EXPECT_EQ(reminded(0)->still, 10s);
  tally.came(1, 0, 1);
  EXPECT_EQ(reminded(0)->still, 1s);
}

TEST_F(Tallied, ASharedBlobThatStallsHoldsUpEachImage) {
  tally.found(0, 500);
  clock.advance(9s);
  EXPECT_EQ(reminded(0)->still, 10s);
  EXPECT_EQ(reminded(1)->still, 11s);
}

TEST_F(Tallied, SaysHowFarAllAre) {
  tally.came(0, 0, 1000);
  clock.advance(1s);
  tally.came(1, 0, 1000);
  const Progress& last = reports.back();
  EXPECT_EQ(last.image, "one");
  EXPECT_EQ(last.done, 2000U);
  EXPECT_EQ(last.all_done, 2000U);
  EXPECT_EQ(last.all_total, 3000U);
  EXPECT_EQ(last.all_pace.rate, 2000U);
  EXPECT_EQ(last.all_pace.left, 1s);
}

}  // namespace
}  // namespace nodeproof::prepull
