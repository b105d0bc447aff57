#include "common/retry_after.hpp"

#include <gtest/gtest.h>

namespace nodeproof {
namespace {

using namespace std::chrono_literals;

const auto kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + 4h;

std::optional<std::chrono::seconds> of(std::string value, std::string date = "") {
  HttpResponse answer{.status = 429, .headers = {{"retry-after", std::move(value)}}};
  if (!date.empty()) answer.headers.emplace_back("date", std::move(date));
  return retry_after(answer, kNow);
}

TEST(RetryAfter, IsANumberOfSecondsOrADate) {
  EXPECT_EQ(of("120"), 120s);
  EXPECT_EQ(of("0"), 0s);
  EXPECT_EQ(of("Sat, 21 Nov 2026 04:05:00 GMT"), 300s);
  EXPECT_EQ(of("Sat, 21 Nov 2026 03:00:00 GMT"), 0s);
}

TEST(RetryAfter, ADateCountsFromTheServersOwnTime) {
  EXPECT_EQ(of("Sat, 21 Nov 2026 09:01:00 GMT", "Sat, 21 Nov 2026 09:00:00 GMT"), 60s);
}

TEST(RetryAfter, IsADayAtMost) {
  EXPECT_EQ(of("86401"), 24h);
  EXPECT_EQ(of("99999999999999999999999"), 24h);
  EXPECT_EQ(of("Sun, 21 Nov 2027 04:00:00 GMT"), 24h);
}

TEST(RetryAfter, AnythingElseIsNone) {
  EXPECT_EQ(of(""), std::nullopt);
  EXPECT_EQ(of("-5"), std::nullopt);
  EXPECT_EQ(of("soon"), std::nullopt);
  EXPECT_EQ(retry_after(HttpResponse{.status = 503, .headers = {}}, kNow), std::nullopt);
}

}  // namespace
}  // namespace nodeproof
