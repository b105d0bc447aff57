#include "common/http_retry.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>

#include "common/http_date.hpp"

namespace nodeproof {
namespace {

constexpr std::chrono::seconds kLongest = std::chrono::hours(24);

// Digits alone; more than a number holds is for ever.
std::uint64_t number_of(const std::string& digits) {
  std::uint64_t value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return read.ec == std::errc() ? value : UINT64_MAX;
}

}  // namespace

std::optional<std::chrono::seconds> retry_after_of(const HttpResponse& head, const Clock& clock) {
  if (head.status != 429 && head.status != 503) return std::nullopt;
  const std::string text = head.header("retry-after").value_or("");
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(),
                                                   [](char c) { return c >= '0' && c <= '9'; });
  if (digits) {
    const auto longest = static_cast<std::uint64_t>(kLongest.count());
    return std::chrono::seconds(std::min(number_of(text), longest));
  }
  const auto until = parse_http_date(text);
  if (!until) return std::nullopt;
  const auto own = std::chrono::floor<std::chrono::seconds>(clock.now());
  const auto now = parse_http_date(head.header("date").value_or("")).value_or(own);
  return std::clamp(*until - now, std::chrono::seconds(0), kLongest);
}

}  // namespace nodeproof
