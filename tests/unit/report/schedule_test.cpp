#include "agent/report/sink/schedule.hpp"

#include <gtest/gtest.h>

namespace nodeproof::report {
namespace {

using namespace std::chrono_literals;

class Schedule : public ::testing::Test {
 protected:
  using Time = SinkSchedule::Time;
  static SinkSchedule make(SinkSetting setting) {
    return {std::move(setting), 10s, [] { return 0.5; }};
  }
  static SinkState state(std::optional<std::chrono::seconds> retry_after = {}) {
    SinkState made;
    made.retry_after = retry_after;
    return made;
  }
  static constexpr Time kStart{1000h};
};

TEST_F(Schedule, NewsGoesAtOnce) {
  SinkSchedule sink = make({.name = "webhook", .heartbeat = 1h});
  EXPECT_EQ(sink.due(), std::nullopt);
  sink.note(kStart, true);
  EXPECT_EQ(sink.due(), kStart);
  EXPECT_EQ(sink.begin(kStart), (SinkAttempt{true, false}));
}

TEST_F(Schedule, AReportWithoutNewsWaitsForTheHeartbeat) {
  SinkSchedule sink = make({.name = "webhook", .heartbeat = 1h});
  sink.note(kStart, true);
  EXPECT_TRUE(sink.begin(kStart).news);
  sink.ended(kStart, true, state());
  sink.note(kStart + 15min, false);
  EXPECT_EQ(sink.due(), kStart + 57min);
  EXPECT_EQ(sink.begin(kStart + 57min), (SinkAttempt{false, false}));
}

TEST_F(Schedule, AFileThatShowsItsAgeIsWrittenForEachReport) {
  SinkSchedule sink = make({.name = "textfile", .every_report = true});
  sink.note(kStart, false);
  EXPECT_EQ(sink.due(), kStart);
}

TEST_F(Schedule, FailuresComeEverLessOften) {
  SinkSchedule sink = make({.name = "otlp", .heartbeat = 1min});
  sink.note(kStart, true);
  Time now = kStart;
  std::vector<std::chrono::seconds> pauses;
  for (int i = 0; i < 9; ++i) {
    EXPECT_TRUE(sink.begin(now).news);  // it was never delivered
    sink.ended(now, false, state());
    pauses.push_back(std::chrono::duration_cast<std::chrono::seconds>(*sink.due() - now));
    now = *sink.due();
  }
  EXPECT_EQ(pauses, (std::vector{10s, 15s, 25s, 45s, 85s, 165s, 325s, 455s, 455s}));
}

TEST_F(Schedule, TheReceiverSaysWhenItMayBeAskedAgain) {
  SinkSchedule sink = make({.name = "otlp", .heartbeat = 1min});
  sink.note(kStart, true);
  static_cast<void>(sink.begin(kStart));
  sink.ended(kStart, false, state(2h));
  EXPECT_EQ(sink.due(), kStart + 2h);
  sink.note(kStart + 1h, true);
  EXPECT_EQ(sink.due(), kStart + 2h);
}

TEST_F(Schedule, NewsIsKeptAtOnceWhileTheReceiverIsNotToBeAsked) {
  SinkSchedule sink = make({.name = "webhook", .heartbeat = 1h, .spools = true});
  sink.note(kStart, true);
  static_cast<void>(sink.begin(kStart));
  SinkState kept = state(2h);
  kept.kept = true;
  sink.ended(kStart, false, kept);
  EXPECT_EQ(sink.due(), kStart + 2h);
  sink.note(kStart + 1h, true);
  EXPECT_LE(*sink.due(), kStart + 1h);
  EXPECT_EQ(sink.begin(kStart + 1h), (SinkAttempt{true, true}));
  sink.ended(kStart + 1h, true, kept);
  EXPECT_EQ(sink.due(), kStart + 2h);
  EXPECT_EQ(sink.begin(kStart + 2h), (SinkAttempt{false, false}));
}

TEST_F(Schedule, NewsThatComesDuringAnAttemptIsTheNextOnes) {
  SinkSchedule sink = make({.name = "webhook", .heartbeat = 1h});
  sink.note(kStart, true);
  static_cast<void>(sink.begin(kStart));
  sink.note(kStart + 1s, true);
  sink.ended(kStart + 2s, true, state());
  EXPECT_EQ(sink.due(), kStart + 2s);
  EXPECT_TRUE(sink.begin(kStart + 2s).news);
}

TEST_F(Schedule, NewsThatComesDuringAnAttemptThatFailsIsKeptAtOnce) {
  SinkSchedule sink = make({.name = "webhook", .heartbeat = 1h, .spools = true});
  sink.note(kStart, true);
  static_cast<void>(sink.begin(kStart));
  sink.note(kStart + 1s, true);
  SinkState kept = state(2h);
  kept.kept = true;
  sink.ended(kStart + 2s, false, kept);
  EXPECT_LE(*sink.due(), kStart + 2s);
  EXPECT_EQ(sink.begin(kStart + 2s), (SinkAttempt{true, true}));
}

TEST_F(Schedule, NewsOfAnAttemptThatCrashedIsNotLost) {
  SinkSchedule sink = make({.name = "webhook", .heartbeat = 1h, .spools = true});
  sink.note(kStart, true);
  static_cast<void>(sink.begin(kStart));
  sink.ended(kStart, false, std::nullopt);
  EXPECT_TRUE(sink.begin(*sink.due()).news);
}

TEST_F(Schedule, ADiskThatKeepsNothingIsNotAskedInALoop) {
  SinkSchedule sink = make({.name = "webhook", .heartbeat = 1h, .spools = true});
  sink.note(kStart, true);
  static_cast<void>(sink.begin(kStart));
  sink.ended(kStart, false, state(2h));
  EXPECT_EQ(sink.due(), kStart + 2h);
  sink.note(kStart + 1h, true);
  EXPECT_TRUE(sink.begin(kStart + 1h).hold);
  sink.ended(kStart + 1h, false, state());
  EXPECT_EQ(sink.due(), kStart + 2h);
  EXPECT_TRUE(sink.begin(kStart + 2h).news);
}

TEST_F(Schedule, WhatWasMissedFollowsSoon) {
  SinkSchedule sink = make({.name = "webhook", .heartbeat = 1h, .spools = true});
  sink.note(kStart, true);
  static_cast<void>(sink.begin(kStart));
  SinkState more = state();
  more.more = true;
  sink.ended(kStart, true, more);
  EXPECT_EQ(sink.due(), kStart + 3s);
}

TEST_F(Schedule, AReceiverThatIsGoneIsNotAskedAgain) {
  SinkSchedule sink = make({.name = "webhook", .heartbeat = 1h, .spools = true});
  sink.note(kStart, true);
  static_cast<void>(sink.begin(kStart));
  SinkState gone = state();
  gone.stopped = true;
  sink.ended(kStart, false, gone);
  EXPECT_EQ(sink.due(), std::nullopt);
  sink.note(kStart + 1h, true);
  EXPECT_EQ(sink.due(), std::nullopt);
}

}  // namespace
}  // namespace nodeproof::report
