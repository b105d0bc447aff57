#include "agent/prepull/start.hpp"

#include <gtest/gtest.h>

#include "common/clock.hpp"

namespace nodeproof::prepull {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_seconds;

sys_seconds at(const std::string& utc) { return *parse_rfc3339(utc); }

StartRules rules(const std::vector<std::string>& windows, minutes share) {
  StartRules made{{}, share, [](sys_seconds) { return seconds(0); }};
  for (const std::string& text : windows) made.windows.push_back(*parse_time_window(text));
  return made;
}

// When it begins, of what was wanted since then.
std::string begin(const StartRules& rules, const std::string& wanted, const std::string& now) {
  return to_rfc3339(begin_of(rules, at(wanted), at(now)));
}

const std::string kNoon = "2026-11-21T12:00:00Z";
const std::string kNight = "2026-11-22T02:00:00Z";

TEST(Start, IsAtOnceWithoutRules) { EXPECT_EQ(begin(rules({}, {}), kNoon, kNoon), kNoon); }

TEST(Start, WaitsForTheWindow) {
  const StartRules nightly = rules({"01:00-05:00"}, {});
  EXPECT_EQ(begin(nightly, kNoon, kNoon), "2026-11-22T01:00:00Z");
  EXPECT_LE(begin(nightly, kNoon, kNight), kNight);
  EXPECT_LE(begin(nightly, kNight, kNight), kNight);
  EXPECT_EQ(begin(nightly, kNoon, "2026-11-22T05:00:00Z"), "2026-11-23T01:00:00Z");
}

TEST(Start, TheShareCountsFromWhenItIsWanted) {
  const StartRules spread = rules({}, minutes(20));
  EXPECT_EQ(begin(spread, kNoon, kNoon), "2026-11-21T12:20:00Z");
  EXPECT_EQ(begin(spread, kNoon, "2026-11-21T12:15:00Z"), "2026-11-21T12:20:00Z")
      << "asking again makes it no later";
  EXPECT_LE(begin(spread, kNoon, "2026-11-21T12:20:00Z"), "2026-11-21T12:20:00Z");
}

TEST(Start, OrFromTheOpeningOfTheWindow) {
  const StartRules both = rules({"01:00-05:00"}, minutes(20));
  EXPECT_EQ(begin(both, kNoon, kNoon), "2026-11-22T01:20:00Z");
  EXPECT_EQ(begin(both, kNoon, "2026-11-22T01:10:00Z"), "2026-11-22T01:20:00Z");
  EXPECT_EQ(begin(both, kNight, kNight), "2026-11-22T02:20:00Z");
  EXPECT_EQ(begin(both, "2026-11-22T04:50:00Z", "2026-11-22T04:50:00Z"), "2026-11-23T01:20:00Z")
      << "it does not fit into this window any more";
}

TEST(Start, WindowsThatTouchAreOne) {
  const StartRules both = rules({"22:00-24:00", "00:00-05:00"}, minutes(20));
  EXPECT_LE(begin(both, kNoon, "2026-11-22T00:05:00Z"), "2026-11-22T00:05:00Z");
}

TEST(Start, AClockThatWasSetBackHoldsNothingUp) {
  EXPECT_EQ(begin(rules({}, minutes(20)), "2027-01-01T00:00:00Z", kNoon), "2026-11-21T12:20:00Z");
}

}  // namespace
}  // namespace nodeproof::prepull
