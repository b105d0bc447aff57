#include "agent/report/progress_log.hpp"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.hpp"
#include "tests/unit/report/progress_sample.hpp"

namespace nodeproof::report {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

class LogOfProgress : public testing::Test {
 protected:
  void take(const Progress& progress) {
    const auto change = board.take(progress);
    log.take(change, board.cycle(), clock.monotonic());
  }

  ProgressLog log_about(ProgressLog::About about) {
    return ProgressLog(
        [this](ProgressLog::Weight weight, const std::string& line) {
          lines.push_back((weight == ProgressLog::Weight::event ? "! " : "") + line);
        },
        about);
  }

  fakes::FakeClock clock;
  Lines lines;
  ProgressBoard board;
  ProgressLog log = log_about(ProgressLog::About::everything);
};

TEST_F(LogOfProgress, HasALineForEachStep) {
  take({"a:1", Phase::resolve});
  take(pull("a:1", 0, 40'000'000));
  take(pull("a:1", 10'000'000, 40'000'000, {1'000'000, 30s}));
  take({"a:1", Phase::unpack, 1, 5});
  take(pull("a:1", 40'000'000, 40'000'000));
  take({"a:1", Phase::unpack, 2, 5});
  take({"a:1", Phase::done});
  EXPECT_EQ(lines, (Lines{"a:1: resolving", "a:1: pulling, 0 B of 40.0 MB",
                          "a:1: unpacking, 2 of 5", "a:1: ended"}));
}

TEST_F(LogOfProgress, HasOneLineInTenSecondsBetween) {
  take(pull("a:1", 0, 100));
  lines.clear();
  for (std::uint64_t second = 1; second <= 25; ++second) {
    clock.advance(1s);
    take(pull("a:1", second, 100, {1, 100s - std::chrono::seconds(second)}));
  }
  EXPECT_EQ(lines, (Lines{"a:1: pulling, 10 of 100 B, 1 B/s, 1m30s left",
                          "a:1: pulling, 20 of 100 B, 1 B/s, 1m20s left"}));
}

TEST_F(LogOfProgress, HasOneLineForAllWhereSeveralArePulled) {
  take(pull("a:1", 0, 100));
  take(pull("b:1", 0, 100));
  lines.clear();
  for (std::uint64_t second = 1; second <= 10; ++second) {
    clock.advance(1s);
    take(with_all(pull("a:1", second, 100), 2 * second - 1, 150, {2, 70s}));
    take(with_all(pull("b:1", second, 100), 2 * second, 150, {2, 70s}));
  }
  EXPECT_EQ(lines, Lines{"pulling 2 of 2 images, 19 of 150 B, 2 B/s, 1m10s left"});
}

TEST_F(LogOfProgress, HasOneLineWhenAPullStallsAndOneWhenItGoesOn) {
  take(pull("a:1", 5, 100));
  lines.clear();
  for (int second = 1; second <= 60; ++second) {
    clock.advance(1s);
    take(still("a:1", 5, 100, std::chrono::seconds(second)));
  }
  take(pull("a:1", 6, 100));
  EXPECT_EQ(lines, (Lines{"! a:1: pulling, 5 of 100 B, stalled for 10 s",
                          "! a:1: goes on after 1m00s, 6 of 100 B"}));
}

TEST_F(LogOfProgress, OfWorkAloneIsSilentAboutImagesThatAreOnlyLookedAt) {
  log = log_about(ProgressLog::About::work);
  take({"proven:1", Phase::resolve});
  take({"new:1", Phase::resolve});
  take({"proven:1", Phase::done});
  take(pull("new:1", 1, 2));
  take({"new:1", Phase::done});
  EXPECT_EQ(lines, (Lines{"new:1: pulling, 1 of 2 B", "new:1: ended"}));
}

}  // namespace
}  // namespace nodeproof::report
