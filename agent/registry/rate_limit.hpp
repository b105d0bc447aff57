// What a registry says about how often it may be asked.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "common/clock.hpp"
#include "common/http.hpp"

namespace nodeproof::registry {

// Docker Hub's "ratelimit-limit: 100;w=21600" and its relatives with "x-" before.
struct RateLimit {
  std::optional<std::uint64_t> limit, remaining;  // requests
  std::optional<std::chrono::seconds> window;
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

[[nodiscard]] std::optional<RateLimit> rate_limit_of(const HttpResponse& head);

// "0 of 100 requests left in 6h00m"
[[nodiscard]] std::string text_of(const RateLimit& limit);

// Retry-After (RFC 9110, section 10.2.3) of a 429 or 503, in seconds or as a date; at most a day.
// A date counts from the server's own one, for this host's clock may be wrong.
[[nodiscard]] std::optional<std::chrono::seconds> retry_after_of(const HttpResponse& head,
                                                                 const Clock& clock);

}  // namespace nodeproof::registry
