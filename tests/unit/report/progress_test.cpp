#include "agent/report/progress.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <thread>

#include "common/text.hpp"

namespace nodeproof::report {
namespace {

using namespace std::chrono_literals;

class HandClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::system_clock::time_point now() const override { return {}; }
  [[nodiscard]] std::chrono::steady_clock::time_point monotonic() const override { return time; }
  std::chrono::steady_clock::time_point time;
};

TEST(ProgressBar, ShowsPhaseAmountAndRateWithinTheWidth) {
  ImageProgress image{{"demo/app:1", Phase::pull, 20'000'000, 40'000'000}, {}, 0, {}};
  EXPECT_EQ(progress_bar(image, 4.0, 100, false),
            "demo/app:1  pull     [##########----------]  20.0 of 40.0 MB  5.0 MB/s");
  for (const std::size_t width : {20U, 40U, 60U}) {
    EXPECT_LE(display_width(progress_bar(image, 4.0, width, true)), width);
  }
}

TEST(ProgressBar, HasNoBarWithoutATotal) {
  const ImageProgress image{{"a:1", Phase::resolve, 0, 0}, {}, 0, {}};
  EXPECT_EQ(progress_bar(image, 1.0, 80, true), "a:1  resolve");
}

TEST(ProgressPrinter, WritesALineForEachPhaseIntoALog) {
  std::ostringstream out;
  HandClock clock;
  ProgressPrinter printer(out, false, 80, &clock);
  const ProgressSink sink = printer.sink();
  sink({"a:1", Phase::resolve, 0, 0});
  sink({"a:1", Phase::pull, 0, 40'000'000});
  clock.time += 2s;
  sink({"a:1", Phase::pull, 10'000'000, 40'000'000});
  clock.time += 8s;
  sink({"a:1", Phase::pull, 20'000'000, 40'000'000});
  sink({"a:1", Phase::unpack, 1, 5});
  sink({"a:1", Phase::done, 0, 0});
  printer.finish();
  EXPECT_EQ(out.str(),
            "a:1: resolving\n"
            "a:1: pulling, 0 B of 40.0 MB\n"
            "a:1: pulling, 20.0 of 40.0 MB, 2.0 MB/s\n"
            "a:1: unpacking, 1 of 5\n"
            "a:1: done\n");
}

TEST(ProgressPrinter, RedrawsInPlaceOnATerminalAndWipesAtTheEnd) {
  std::ostringstream out;
  HandClock clock;
  ProgressPrinter printer(out, true, 80, &clock);
  const ProgressSink sink = printer.sink();
  sink({"a:1", Phase::resolve, 0, 0});
  sink({"b:1", Phase::resolve, 0, 0});
  EXPECT_EQ(out.str(), "a:1  resolve\n\x1b[1A\r\x1b[Ja:1  resolve\nb:1  resolve\n");
  const std::size_t before = out.str().size();
  sink({"b:1", Phase::resolve, 1, 0});  // too soon for another frame
  EXPECT_EQ(out.str().size(), before);
  printer.finish();
  EXPECT_TRUE(out.str().ends_with("\x1b[2A\r\x1b[J"));
  sink({"b:1", Phase::pull, 1, 0});
  EXPECT_TRUE(out.str().ends_with("\x1b[2A\r\x1b[J"));
}

TEST(ProgressPrinter, TakesSeveralThreads) {
  std::ostringstream out;
  ProgressPrinter printer(out, true, 80);
  {
    std::vector<std::jthread> workers;
    for (int worker = 0; worker < 4; ++worker) {
      workers.emplace_back([sink = printer.sink(), worker] {
        for (std::uint64_t i = 0; i < 500; ++i) {
          sink({"image-" + std::to_string(worker), Phase::pull, i, 500});
        }
      });
    }
  }
  printer.finish();
  EXPECT_TRUE(out.str().contains("image-3"));
}

TEST(ProgressPrinter, MakesNamesInert) {
  std::ostringstream out;
  ProgressPrinter printer(out, false, 80);
  printer.sink()({"evil\x1b[2J", Phase::resolve, 0, 0});
  EXPECT_FALSE(out.str().contains('\x1b'));
}

}  // namespace
}  // namespace nodeproof::report
