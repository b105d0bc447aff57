// Progress as documents: what the daemon's child streams, and what a status says.
#include "agent/report/progress_json.hpp"

#include <gtest/gtest.h>

#include "agent/report/cycle_stream.hpp"
#include "agent/report/json.hpp"
#include "tests/unit/report/progress_sample.hpp"
#include "tests/unit/report/sample.hpp"

namespace nodeproof::report {
namespace {

using namespace std::chrono_literals;

Progress streamed(const Progress& progress) {
  const auto event = parse_stream_line(stream_line(progress));
  EXPECT_TRUE(event.has_value()) << event.error().message;
  return event ? std::get<Progress>(*event) : Progress{};
}

TEST(CycleStream, CarriesAPullWithItsPaceAndThatOfAll) {
  Progress sent = with_all(pull("a:1", 1, 2, {3, 4s}), 5, 6, {7, 8s});
  sent.still = 9s;
  const Progress got = streamed(sent);
  EXPECT_EQ(got.image, "a:1");
  EXPECT_EQ(got.phase, Phase::pull);
  EXPECT_EQ(got.done, 1U);
  EXPECT_EQ(got.total, 2U);
  EXPECT_EQ(got.pace, sent.pace);
  EXPECT_EQ(got.still, 9s);
  EXPECT_EQ(got.all_done, 5U);
  EXPECT_EQ(got.all_total, 6U);
  EXPECT_EQ(got.all_pace, sent.all_pace);
}

TEST(CycleStream, CarriesThatTheTimeLeftIsNotKnown) {
  const Progress got = streamed(pull("a:1", 1, 2));
  EXPECT_EQ(got.pace, Pace{});
  EXPECT_EQ(got.all_pace, Pace{});
}

TEST(CycleStream, RefusesBadValues) {
  const auto line = [](std::string_view members) {
    return R"({"progress":{"image":"a:1","phase":"pull")" + std::string(members) + "}}";
  };
  ASSERT_TRUE(parse_stream_line(line(R"(,"rate":1,"left":2,"still":3,"allRate":4)")));
  for (const char* members :
       {R"(,"rate":-1)", R"(,"rate":"fast")", R"(,"left":-1)", R"(,"left":1.5)",
        R"(,"left":99999999999)", R"(,"still":18446744073709551615)", R"(,"still":null)",
        R"(,"allDone":-1)", R"(,"allTotal":[])", R"(,"allRate":1e99)", R"(,"allLeft":true)"}) {
    EXPECT_FALSE(parse_stream_line(line(members))) << members;
  }
  for (const char* whole : {R"({"progress":{"phase":"pull"}})",
                            R"({"progress":{"image":7,"phase":"pull"}})", R"({"progress":[]})"}) {
    EXPECT_FALSE(parse_stream_line(whole)) << whole;
  }
}

TEST(Status, IsTheReportWithTheProgressBesideIt) {
  CycleProgress cycle{.images = {still("a:1", 1, 2, 19s), {"b:1", Phase::unpack, 3, 4}}, .seen = 5};
  cycle.done = 6;
  cycle.total = 7;
  cycle.pace = {8, 9s};
  const std::string document = to_json(sample(), false, &cycle);
  EXPECT_TRUE(document.ends_with(
      R"("progress":{"images":[)"
      R"({"image":"a:1","phase":"pull","doneBytes":1,"totalBytes":2,"bytesPerSecond":0,)"
      R"("stalledSeconds":19},)"
      R"({"image":"b:1","phase":"unpack","doneLayers":3,"totalLayers":4}],)"
      R"("total":{"images":5,"pulling":1,"doneBytes":6,"totalBytes":7,"bytesPerSecond":8,)"
      R"("secondsLeft":9}}})"))
      << document;
  EXPECT_TRUE(from_json(document).value_or(NodeReport{}) == sample());
  const auto read = cycle_progress_from(document);
  ASSERT_TRUE(read && *read);
  EXPECT_EQ(to_json(sample(), false, &**read), document);
}

TEST(Status, HasNoProgressWhereNothingIsUnderWay) {
  const std::string document = to_json(sample());
  EXPECT_FALSE(document.contains("\"progress\""));
  const auto read = cycle_progress_from(document);
  ASSERT_TRUE(read);
  EXPECT_FALSE(*read);
}

TEST(Status, CallsNoHiccupAStall) {
  const CycleProgress cycle{.images = {still("a:1", 1, 2, 9s)}, .seen = 1};
  EXPECT_TRUE(to_json(sample(), false, &cycle).contains(R"("stalledSeconds":0)"));
}

}  // namespace
}  // namespace nodeproof::report
