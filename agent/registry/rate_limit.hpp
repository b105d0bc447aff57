// What a registry says about how often it may be asked.
#pragma once

#include <chrono>
#include <optional>

#include "agent/model_json.hpp"
#include "common/clock.hpp"
#include "common/http.hpp"

namespace nodeproof::registry {

using nodeproof::RateLimit;

// Docker Hub's "ratelimit-limit: 100;w=21600" and its relatives with "x-" before.
[[nodiscard]] std::optional<RateLimit> rate_limit_of(const HttpResponse& head);

// The retry_after() of a 429 or 503.
[[nodiscard]] std::optional<std::chrono::seconds> retry_after_of(const HttpResponse& head,
                                                                 const Clock& clock);

}  // namespace nodeproof::registry
