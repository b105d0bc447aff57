#include "agent/registry/rate_limit.hpp"

#include <charconv>
#include <string>
#include <string_view>

#include "common/retry_after.hpp"

namespace nodeproof::registry {

namespace {

// The number that the text begins with.
std::optional<std::uint64_t> leading_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::optional<std::string> either(const HttpResponse& head, const std::string& name) {
  auto value = head.header(name);
  return value ? value : head.header("x-" + name);
}

std::optional<std::chrono::seconds> window_of(std::string_view text) {
  const auto at = text.find(";w=");
  const auto seconds =
      at == std::string_view::npos ? std::nullopt : leading_number(text.substr(at + 3));
  constexpr std::uint64_t kYear = 366ULL * 24 * 3600;
  if (!seconds || *seconds == 0 || *seconds > kYear) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

}  // namespace

std::optional<RateLimit> rate_limit_of(const HttpResponse& head) {
  const std::string limit = either(head, "ratelimit-limit").value_or("");
  const std::string remaining = either(head, "ratelimit-remaining").value_or("");
  RateLimit found{.limit = leading_number(limit),
                  .remaining = leading_number(remaining),
                  .window = window_of(limit)};
  if (!found.window) found.window = window_of(remaining);
  if (!found.limit && !found.remaining) return std::nullopt;
  return found;
}

std::optional<std::chrono::seconds> retry_after_of(const HttpResponse& head, const Clock& clock) {
  if (head.status != 429 && head.status != 503) return std::nullopt;
  return retry_after(head, clock.now());
}

}  // namespace nodeproof::registry
