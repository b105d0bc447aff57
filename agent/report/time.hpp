// RFC 3339 in UTC, as our own documents carry it.
#pragma once

#include <chrono>
#include <string_view>

#include "common/error.hpp"

namespace nodeproof::report {

// "2026-11-21T10:00:00Z"; other offsets and fractions are not ours and refused.
Result<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text);

}  // namespace nodeproof::report
