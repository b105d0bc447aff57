#include "common/http_pace.hpp"

#include <gtest/gtest.h>

#include "common/http_date.hpp"

namespace nodeproof {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Pace : public testing::Test {
 protected:
  static HttpRequest request() {
    HttpRequest out;
    out.first_byte_timeout = seconds(30);
    out.stall_timeout = seconds(60);
    out.least_bytes = 6000;
    return out;
  }
  HttpPace::Time now{std::chrono::hours(1)};
};

TEST_F(Pace, ConnectingIsNotItsBusiness) {
  EXPECT_EQ(HttpPace(request()).deadline(), HttpPace::Time::max());
}

TEST_F(Pace, TheWholeHeadHasToComeInTime) {
  HttpPace pace(request());
  pace.connected(now);
  EXPECT_EQ(pace.deadline(), now + seconds(30));
  EXPECT_NE(pace.overdue().message.find("no answer came"), std::string::npos);
}

TEST_F(Pace, ASlowButSteadyBodyIsWaitedFor) {
  HttpPace pace(request());
  pace.connected(now);
  pace.answered(now);
  for (int second = 0; second < 3600; ++second) {
    now += seconds(1);
    ASSERT_GT(pace.deadline(), now) << second;
    pace.received(300, now, now);
  }
}

TEST_F(Pace, AByteNowAndThenIsNotEnough) {
  HttpPace pace(request());
  pace.connected(now);
  pace.answered(now);
  const auto begin = now;
  while (pace.deadline() > now) {
    now += seconds(1);
    pace.received(1, now, now);
    ASSERT_LE(now, begin + seconds(60));
  }
  EXPECT_EQ(pace.overdue().code, Errc::timeout);
  EXPECT_NE(pace.overdue().message.find("60 bytes in 60 s"), std::string::npos)
      << pace.overdue().message;
}

TEST_F(Pace, TheSinksOwnTimeDoesNotCount) {
  HttpRequest timed = request();
  timed.whole_timeout = seconds(120);
  HttpPace pace(timed);
  pace.connected(now);
  pace.answered(now);
  pace.received(10, now, now + seconds(1000));
  EXPECT_EQ(pace.deadline(), now + seconds(1060));
  pace.received(6000, now + seconds(1010), now + seconds(1020));
  EXPECT_EQ(pace.deadline(), now + seconds(1080));
  now += seconds(1080);
  pace.received(6000, now, now);
  EXPECT_EQ(pace.deadline(), now + seconds(50)) << "the whole has 120 s of the server's own";
  EXPECT_NE(pace.overdue().message.find("not complete after 120 s"), std::string::npos);
}

TEST(HttpDate, IsReadInItsThreeForms) {
  const auto expected = std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) +
                        std::chrono::hours(8) + std::chrono::minutes(49) + seconds(37);
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), expected);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), expected);
  const auto now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + seconds(1);
  EXPECT_EQ(parse_http_date("Saturday, 21-Nov-26 00:00:01 GMT"), now);
}

TEST(HttpDate, NothingElseIsADate) {
  for (const char* text : {"", "120", "Sun, 06 Nov 1994 08:49:37", "Sun, 31 Feb 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
                           "Sun, 99999999999 Nov 1994 08:49:37 GMT", "2026-11-21T00:00:00Z",
                           "Sun, 06 Nov 1994 08:49:37 PST"}) {
    EXPECT_FALSE(parse_http_date(text)) << text;
  }
}

}  // namespace
}  // namespace nodeproof
