#include "agent/report/progress_board.hpp"

#include <gtest/gtest.h>

#include "tests/unit/report/progress_sample.hpp"

namespace nodeproof::report {
namespace {

using namespace std::chrono_literals;
using News = ProgressBoard::News;

TEST(ProgressBoard, TellsStepsFromMovesAndRepetitions) {
  ProgressBoard board;
  EXPECT_EQ(board.take({"a:1", Phase::resolve}).news, News::step);
  EXPECT_EQ(board.take(pull("a:1", 1, 9)).news, News::step);
  EXPECT_EQ(board.take(pull("a:1", 2, 9)).news, News::moved);
  EXPECT_EQ(board.take(pull("a:1", 2, 9)).news, News::none);
}

TEST(ProgressBoard, SaysOnceThatAPullStallsAndThatItGoesOn) {
  ProgressBoard board;
  board.take(pull("a:1", 2, 9));
  EXPECT_EQ(board.take(still("a:1", 2, 9, 9s)).news, News::none);
  EXPECT_EQ(board.take(still("a:1", 2, 9, 10s)).news, News::stalled);
  EXPECT_EQ(board.take(still("a:1", 2, 9, 42s)).news, News::none);
  const auto change = board.take(pull("a:1", 3, 9));
  EXPECT_EQ(change.news, News::goes_on);
  EXPECT_EQ(change.stalled_for, 42s);
  EXPECT_EQ(board.take(still("a:1", 3, 9, 10s)).news, News::stalled) << "once more";
}

TEST(ProgressBoard, APullThatStallsFromItsFirstReportIsNoticedToo) {
  ProgressBoard board;
  EXPECT_EQ(board.take(still("a:1", 0, 9, 20s)).news, News::step);
  EXPECT_EQ(board.take(still("a:1", 0, 9, 21s)).news, News::stalled);
}

TEST(ProgressBoard, AnImageIsPulledUntilItsLastByteThoughLayersAreUnpacked) {
  ProgressBoard board;
  board.take(pull("a:1", 8, 9));
  EXPECT_EQ(board.take({"a:1", Phase::unpack, 1, 2}).news, News::none);
  EXPECT_EQ(board.cycle().images[0].phase, Phase::pull);
  board.take(pull("a:1", 9, 9));
  EXPECT_EQ(board.take({"a:1", Phase::unpack, 2, 2}).news, News::step);
}

TEST(ProgressBoard, ForgetsWhatIsDoneAndCountsIt) {
  ProgressBoard board;
  board.take({"a:1", Phase::resolve});
  board.take({"b:1", Phase::resolve});
  EXPECT_FALSE(board.take({"a:1", Phase::done}).worked) << "it was only looked at";
  board.take({"b:1", Phase::smoke});
  EXPECT_TRUE(board.take({"b:1", Phase::done}).worked);
  EXPECT_TRUE(board.cycle().images.empty());
  EXPECT_EQ(board.cycle().seen, 2U);
  board.clear();
  EXPECT_EQ(board.cycle().seen, 0U);
}

TEST(ProgressBoard, AnEndThatIsSaidAgainIsNoNewImage) {
  ProgressBoard board;
  board.take({"a:1", Phase::resolve});
  board.take({"a:1", Phase::done});
  EXPECT_EQ(board.take({"a:1", Phase::done}).news, News::none);
  EXPECT_EQ(board.cycle().seen, 1U);
}

TEST(ProgressBoard, KnowsHowFarAllAre) {
  ProgressBoard board;
  board.take(with_all(pull("a:1", 1, 2), 3, 4, {5, 6s}));
  board.take({"b:1", Phase::inspect});
  EXPECT_EQ(board.cycle().done, 3U);
  EXPECT_EQ(board.cycle().total, 4U);
  EXPECT_EQ(board.cycle().pace, (Pace{5, 6s}));
}

TEST(ProgressBoard, IsBounded) {
  ProgressBoard board;
  for (int i = 0; i < 3000; ++i) board.take({std::to_string(i), Phase::resolve});
  EXPECT_EQ(board.cycle().images.size(), 1000U);
  EXPECT_EQ(board.take({std::string(5000, 'x'), Phase::resolve}).news, News::none);
  board.take({"0", Phase::done});
  EXPECT_EQ(board.cycle().images.size(), 999U);
}

}  // namespace
}  // namespace nodeproof::report
