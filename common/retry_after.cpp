#include "common/retry_after.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>

#include "common/http_date.hpp"

namespace nodeproof {
namespace {

constexpr std::chrono::seconds kLongest = std::chrono::hours(24);

std::chrono::seconds seconds_in(const std::string& digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const auto longest = static_cast<std::uint64_t>(kLongest.count());
  return error == std::errc() ? std::chrono::seconds(std::min(value, longest)) : kLongest;
}

}  // namespace

std::optional<std::chrono::seconds> retry_after(const HttpResponse& head,
                                                std::chrono::system_clock::time_point now) {
  const std::string text = head.header("retry-after").value_or("");
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(),
                                                   [](char c) { return c >= '0' && c <= '9'; });
  if (digits) return seconds_in(text);
  const auto until = parse_http_date(text);
  if (!until) return std::nullopt;
  const auto own = std::chrono::floor<std::chrono::seconds>(now);
  const auto from = parse_http_date(head.header("date").value_or("")).value_or(own);
  return std::clamp(*until - from, std::chrono::seconds(0), kLongest);
}

}  // namespace nodeproof
