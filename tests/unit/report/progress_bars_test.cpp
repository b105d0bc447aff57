#include "agent/report/progress_bars.hpp"

#include <gtest/gtest.h>

#include "common/text.hpp"
#include "tests/unit/report/progress_sample.hpp"

namespace nodeproof::report {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

constexpr BarStyle kWide{.width = 100};

TEST(ProgressBars, ShowPhaseAmountRateAndTimeLeft) {
  EXPECT_EQ(
      progress_bars(
          {.images = {pull("demo/app:1", 20'000'000, 40'000'000, {5'000'000, 4s})}, .seen = 1},
          kWide),
      Lines{"demo/app:1  pull     [##########----------]  20.0 of 40.0 MB  5.0 MB/s  4 s left"});
}

TEST(ProgressBars, HaveALineForAllWhereSeveralArePulled) {
  CycleProgress cycle{
      .images = {pull("a:1", 1, 4, {1, 3s}), pull("other:1", 2, 4, {1, 2s}), {"c:1", Phase::smoke}},
      .seen = 3};
  cycle.done = 3;
  cycle.total = 8;
  cycle.pace = {2, 3s};
  EXPECT_EQ(progress_bars(cycle, kWide),
            (Lines{"a:1      pull     [#####---------------]  1 of 4 B  1 B/s  3 s left",
                   "other:1  pull     [##########----------]  2 of 4 B  1 B/s  2 s left",
                   "c:1      smoke",
                   "in all   pull     [#######-------------]  3 of 8 B  2 B/s  3 s left"}));
}

TEST(ProgressBars, SayThatAPullIsStalledInPlaceOfItsRate) {
  EXPECT_EQ(progress_bars({.images = {still("a:1", 2, 4, 12s)}, .seen = 1}, kWide),
            Lines{"a:1  pull     [##########----------]  2 of 4 B  stalled for 12 s"});
}

TEST(ProgressBars, HaveNoBarWithoutATotal) {
  EXPECT_EQ(progress_bars({.images = {{"a:1", Phase::resolve}}, .seen = 1}, kWide),
            Lines{"a:1  resolve"});
}

TEST(ProgressBars, NeverExceedTheWidth) {
  const std::string name = "registry.example.com/a/long/name/of/an/image:v1.2.3";
  const Pace pace{3'100'000, 125s};
  CycleProgress cycle{.images = {pull(name, 123'400'000, 999'900'000, pace),
                                 still(name + "-2", 1, 999'900'000, 7200s),
                                 pull("漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字:1", 1, 2, pace)},
                      .seen = 3};
  cycle.total = 999'999'000'000;
  for (const bool unicode : {true, false}) {
    for (std::size_t width = 19; width < 160; ++width) {
      for (const std::string& line : progress_bars(cycle, {.width = width, .unicode = unicode})) {
        EXPECT_LE(display_width(line), width) << line;
        EXPECT_TRUE(unicode || !line.contains("━")) << line;
      }
    }
  }
}

TEST(ProgressBars, GiveUpTheBarBeforeTheName) {
  const std::string name = "registry.example.com/shop/app:v1.2.3";
  const auto lines = progress_bars(
      {.images = {pull(name, 20'000'000, 40'000'000, {5'000'000, 4s})}, .seen = 1}, {.width = 85});
  EXPECT_EQ(lines[0], name + "  pull     20.0 of 40.0 MB  5.0 MB/s  4 s left");
}

TEST(ProgressBars, LeaveOutThoseThatWait) {
  CycleProgress cycle;
  for (int i = 0; i < 9; ++i) cycle.images.push_back({"wait:" + std::to_string(i)});
  cycle.images.push_back({"work:1", Phase::smoke});
  EXPECT_EQ(progress_bars(cycle, {.width = 80, .most = 2}),
            (Lines{"work:1  smoke", "wait:0  resolve"}));
}

TEST(ProgressBars, MakeNamesInert) {
  const auto lines = progress_bars({.images = {{"evil\x1b[2J"}}, .seen = 1}, kWide);
  EXPECT_FALSE(lines[0].contains('\x1b'));
}

TEST(ProgressSection, CountsAndIsIndented) {
  const CycleProgress cycle{.images = {pull("a:1", 2, 4), {"b:1"}}, .seen = 7};
  EXPECT_EQ(progress_section(cycle, 80, false),
            "a check is under way, pulling 1 of 7 images\n"
            "  a:1  pull     [##########----------]  2 of 4 B\n"
            "  b:1  resolve\n");
  EXPECT_EQ(progress_section({}, 80, false), "a check is under way\n");
}

TEST(ProgressSection, SaysHowManyItLeavesOut) {
  CycleProgress cycle;
  for (int i = 0; i < 25; ++i) cycle.images.push_back({std::to_string(i)});
  EXPECT_TRUE(progress_section(cycle, 80, false).ends_with("  and 5 more\n"));
}

}  // namespace
}  // namespace nodeproof::report
