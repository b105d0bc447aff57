// How long an answer asks to be left alone (RFC 9110, section 10.2.3).
#pragma once

#include <chrono>
#include <optional>

#include "common/http.hpp"

namespace nodeproof {

// Retry-After in seconds or as a date; at most a day. A date counts from the server's own one, for
// this host's clock may be wrong. Which statuses it means something for is the caller's to know.
[[nodiscard]] std::optional<std::chrono::seconds> retry_after(
    const HttpResponse& head, std::chrono::system_clock::time_point now);

}  // namespace nodeproof
