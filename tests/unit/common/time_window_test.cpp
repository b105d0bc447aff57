#include "common/time_window.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

#include "common/clock.hpp"

namespace nodeproof {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr const char* kBerlin = "CET-1CEST,M3.5.0,M10.5.0/3";

sys_seconds at(const std::string& utc) { return *parse_rfc3339(utc); }

// This process' clock stands in a time zone that needs no file.
class Zone {
 public:
  explicit Zone(const char* zone) { setenv("TZ", zone, 1); }
  ~Zone() { unsetenv("TZ"); }
  Zone(const Zone&) = delete;
  Zone& operator=(const Zone&) = delete;
};

seconds utc(sys_seconds /*at*/) { return seconds(0); }

std::vector<TimeWindow> windows(const std::vector<std::string>& texts) {
  std::vector<TimeWindow> read;
  for (const std::string& text : texts) {
    const auto window = parse_time_window(text);
    EXPECT_TRUE(window) << window.error().message;
    if (window) read.push_back(*window);
  }
  return read;
}

// "begin/end" of what comes first, in UTC.
std::string next(const std::vector<std::string>& texts, const std::string& now,
                 const UtcOffset& offset = utc) {
  const auto spans = open_spans(windows(texts), at(now), offset);
  if (spans.empty()) return "never";
  return to_rfc3339(spans[0].begin) + "/" + to_rfc3339(spans[0].end);
}

TEST(TimeWindow, IsReadAsItIsWritten) {
  const TimeWindow nightly = *parse_time_window("01:00-05:30");
  EXPECT_EQ(nightly.begin, hours(1));
  EXPECT_EQ(nightly.end, hours(5) + minutes(30));
  EXPECT_TRUE(nightly.days.all());
  for (const auto& [text, canonical] : std::vector<std::pair<std::string, std::string>>{
           {"00:00-24:00", "00:00-24:00"},
           {"22:00-05:00", "22:00-05:00"},
           {"Sat,Sun 00:00-24:00", "Sat,Sun 00:00-24:00"},
           {"sunday,MON 01:00-02:00", "Mon,Sun 01:00-02:00"},
           {"Mon..Wed,Fri 01:00-02:00", "Mon,Tue,Wed,Fri 01:00-02:00"},
           {"Sat..Mon 01:00-02:00", "Mon,Sat,Sun 01:00-02:00"},
           {"Mon..Sun 01:00-02:00", "01:00-02:00"}}) {
    const auto window = parse_time_window(text);
    ASSERT_TRUE(window) << text;
    EXPECT_EQ(to_string(*window), canonical);
    EXPECT_EQ(*parse_time_window(canonical), *window);
  }
}

TEST(TimeWindow, WhatIsNoneSaysWhyAndHowOneLooks) {
  for (const char* text : {"",
                           "01:00",
                           "1:00-5:00",
                           "01:00-25:00",
                           "24:00-01:00",
                           "24:00-24:00",
                           "00:00-24:01",
                           "01:60-02:00",
                           "01:00-01:00",
                           "01:00 - 05:00",
                           " 01:00-05:00",
                           "01:00-05:00 ",
                           "01:00-05:00-06:00",
                           "Son 01:00-02:00",
                           "Mon-Fri 01:00-02:00",
                           "Mon.. 01:00-02:00",
                           "Mon, 01:00-02:00",
                           ",Mon 01:00-02:00",
                           "Mon  01:00-02:00",
                           "+1:00-02:00",
                           "daily"}) {
    const auto window = parse_time_window(text);
    ASSERT_FALSE(window) << text;
    EXPECT_NE(window.error().message.find("\"01:00-05:00\""), std::string::npos);
  }
}

TEST(OpenSpans, AreTheOneUnderWayAndThoseToCome) {
  EXPECT_EQ(next({"01:00-05:00"}, "2026-11-21T03:00:00Z"),
            "2026-11-21T01:00:00Z/2026-11-21T05:00:00Z");
  EXPECT_EQ(next({"01:00-05:00"}, "2026-11-21T01:00:00Z"),
            "2026-11-21T01:00:00Z/2026-11-21T05:00:00Z");
  EXPECT_EQ(next({"01:00-05:00"}, "2026-11-21T05:00:00Z"),
            "2026-11-22T01:00:00Z/2026-11-22T05:00:00Z")
      << "the end is no part of it";
  EXPECT_TRUE(open_spans({}, at("2026-11-21T03:00:00Z"), utc).empty());
}

TEST(OpenSpans, CrossMidnightAndTheWeek) {
  EXPECT_EQ(next({"22:00-05:00"}, "2026-11-21T03:00:00Z"),
            "2026-11-20T22:00:00Z/2026-11-21T05:00:00Z");
  // 2026-11-22 is a Sunday.
  EXPECT_EQ(next({"Sun 22:00-05:00"}, "2026-11-23T04:59:59Z"),
            "2026-11-22T22:00:00Z/2026-11-23T05:00:00Z");
  EXPECT_EQ(next({"Sun 22:00-05:00"}, "2026-11-23T05:00:00Z"),
            "2026-11-29T22:00:00Z/2026-11-30T05:00:00Z");
  EXPECT_EQ(next({"Sun 22:00-05:00"}, "2026-11-22T03:00:00Z"),
            "2026-11-22T22:00:00Z/2026-11-23T05:00:00Z")
      << "Sunday's early hours are Saturday's window";
  EXPECT_EQ(next({"Mon 00:00-24:00"}, "2026-11-24T00:00:00Z"),
            "2026-11-30T00:00:00Z/2026-12-01T00:00:00Z");
}

TEST(OpenSpans, ThatTouchAreOne) {
  EXPECT_EQ(next({"22:00-24:00", "00:00-05:00"}, "2026-11-21T23:00:00Z"),
            "2026-11-21T22:00:00Z/2026-11-22T05:00:00Z");
  EXPECT_EQ(next({"Sat,Sun 00:00-24:00", "01:00-05:00"}, "2026-11-22T12:00:00Z"),
            "2026-11-21T00:00:00Z/2026-11-23T00:00:00Z");
  EXPECT_EQ(next({"01:00-04:00", "02:00-03:00"}, "2026-11-21T00:00:00Z"),
            "2026-11-21T01:00:00Z/2026-11-21T04:00:00Z");
  const auto always = open_spans(windows({"00:00-24:00"}), at("2026-11-21T12:00:00Z"), utc);
  EXPECT_EQ(always.size(), 1U);
}

TEST(OpenSpans, AreOfTheLocalTime) {
  const Zone zone(kBerlin);
  EXPECT_EQ(next({"01:00-05:00"}, "2026-11-21T12:00:00Z", utc_offset),
            "2026-11-22T00:00:00Z/2026-11-22T04:00:00Z");
  EXPECT_EQ(next({"01:00-05:00"}, "2026-07-21T12:00:00Z", utc_offset),
            "2026-07-21T23:00:00Z/2026-07-22T03:00:00Z");
  EXPECT_EQ(next({"Sun 00:00-01:00"}, "2026-11-21T23:30:00Z", utc_offset),
            "2026-11-21T23:00:00Z/2026-11-22T00:00:00Z")
      << "which is Sunday there";
}

// 2026-03-29: 02:00 CET is followed by 03:00 CEST.
TEST(OpenSpans, KeepTheirLengthWhenTheClockIsPutForward) {
  const Zone zone(kBerlin);
  EXPECT_EQ(next({"01:00-05:00"}, "2026-03-28T23:00:00Z", utc_offset),
            "2026-03-29T00:00:00Z/2026-03-29T03:00:00Z")
      << "01:00 CET to 05:00 CEST";
  EXPECT_EQ(next({"02:15-02:45"}, "2026-03-28T23:00:00Z", utc_offset),
            "2026-03-29T01:15:00Z/2026-03-29T01:45:00Z")
      << "times that are skipped: 03:15 to 03:45 CEST";
  EXPECT_EQ(next({"02:30-05:00"}, "2026-03-28T23:00:00Z", utc_offset),
            "2026-03-29T01:30:00Z/2026-03-29T03:00:00Z");
}

// 2026-10-25: 03:00 CEST is followed by 02:00 CET.
TEST(OpenSpans, TakeTheFirstOfTwoWhenTheClockIsPutBack) {
  const Zone zone(kBerlin);
  EXPECT_EQ(next({"02:15-02:45"}, "2026-10-24T23:00:00Z", utc_offset),
            "2026-10-25T00:15:00Z/2026-10-25T00:45:00Z");
  EXPECT_EQ(next({"02:15-02:45"}, "2026-10-25T01:20:00Z", utc_offset),
            "2026-10-26T01:15:00Z/2026-10-26T01:45:00Z")
      << "it is 02:20 for the second time";
  EXPECT_EQ(next({"01:00-05:00"}, "2026-10-24T22:00:00Z", utc_offset),
            "2026-10-24T23:00:00Z/2026-10-25T04:00:00Z");
}

// Apia had no 2011-12-30; Lord Howe's clocks are put forward by half an hour.
TEST(OpenSpans, StandOddZones) {
  const auto apia = [](sys_seconds when) {
    return when < at("2011-12-30T10:00:00Z") ? seconds(hours(-10)) : seconds(hours(14));
  };
  EXPECT_EQ(next({"01:00-05:00"}, "2011-12-30T12:00:00Z", apia),
            "2011-12-30T11:00:00Z/2011-12-30T15:00:00Z")
      << "the 31st";
  const Zone zone("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0");
  EXPECT_EQ(next({"02:00-03:00"}, "2026-10-03T12:00:00Z", utc_offset),
            "2026-10-03T15:30:00Z/2026-10-03T16:00:00Z");
}

TEST(LocalTime, IsWrittenWithItsOffset) {
  {
    const Zone zone(kBerlin);
    EXPECT_EQ(to_local_rfc3339(at("2026-11-22T00:00:00Z"), utc_offset),
              "2026-11-22T01:00:00+01:00");
  }
  {
    const Zone zone("NST3:30NDT,M3.2.0,M11.1.0");
    EXPECT_EQ(to_local_rfc3339(at("2026-11-22T00:00:00Z"), utc_offset),
              "2026-11-21T20:30:00-03:30");
  }
  EXPECT_EQ(to_local_rfc3339(at("2026-11-22T00:00:00Z"), utc), "2026-11-22T00:00:00+00:00");
}

TEST(LocalTime, IsUtcWhereTheZoneIsNotThere) {
  const Zone zone(":/nowhere/to/be/found");
  EXPECT_EQ(utc_offset(at("2026-07-22T00:00:00Z")), seconds(0));
}

}  // namespace
}  // namespace nodeproof
