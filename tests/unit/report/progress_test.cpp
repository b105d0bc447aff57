#include "agent/report/progress.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <thread>
#include <vector>

#include "tests/fakes/fake_clock.hpp"
#include "tests/unit/report/progress_sample.hpp"

namespace nodeproof::report {
namespace {

using namespace std::chrono_literals;

TEST(ProgressPrinter, WritesLinesIntoALog) {
  std::ostringstream out;
  fakes::FakeClock clock;
  ProgressPrinter printer(out, false, 80, &clock);
  const ProgressSink sink = printer.sink();
  sink({"a:1", Phase::resolve, 0, 0});
  sink(pull("a:1", 0, 40'000'000));
  clock.advance(2s);
  sink(pull("a:1", 10'000'000, 40'000'000));
  clock.advance(8s);
  sink(pull("a:1", 20'000'000, 40'000'000, {2'000'000, 10s}));
  sink(still("a:1", 20'000'000, 40'000'000, 16s));
  sink(pull("a:1", 40'000'000, 40'000'000));
  sink({"a:1", Phase::done, 0, 0});
  printer.finish();
  EXPECT_EQ(out.str(),
            "a:1: resolving\n"
            "a:1: pulling, 0 B of 40.0 MB\n"
            "a:1: pulling, 20.0 of 40.0 MB, 2.0 MB/s, 10 s left\n"
            "a:1: pulling, 20.0 of 40.0 MB, stalled for 16 s\n"
            "a:1: goes on after 16 s, 40.0 of 40.0 MB\n"
            "a:1: ended\n");
}

TEST(ProgressPrinter, RedrawsInPlaceOnATerminalAndWipesAtTheEnd) {
  std::ostringstream out;
  fakes::FakeClock clock;
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

TEST(ProgressPrinter, ShowsAtOnceThatAPullStalls) {
  std::ostringstream out;
  fakes::FakeClock clock;
  ProgressPrinter printer(out, true, 80, &clock);
  const ProgressSink sink = printer.sink();
  sink(pull("a:1", 1, 2));
  sink(still("a:1", 1, 2, 16s));
  EXPECT_TRUE(out.str().ends_with("1 of 2 B  stalled for 16 s\n"));
  clock.advance(1s);
  sink(still("a:1", 1, 2, 17s));
  EXPECT_TRUE(out.str().ends_with("1 of 2 B  stalled for 17 s\n"));
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
