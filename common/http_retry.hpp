// When a server wants to be asked again.
#pragma once

#include <chrono>
#include <optional>

#include "common/clock.hpp"
#include "common/http.hpp"

namespace nodeproof {

// Retry-After (RFC 9110, section 10.2.3) of a 429 or 503, in seconds or as a date; at most a day.
// A date counts from the server's own one, for this host's clock may be wrong.
[[nodiscard]] std::optional<std::chrono::seconds> retry_after_of(const HttpResponse& head,
                                                                 const Clock& clock);

}  // namespace nodeproof
