// HTTP's dates (RFC 9110, section 5.6.7): the fixed form and the two that must still be read.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace nodeproof {

// "Sat, 21 Nov 2026 04:00:00 GMT", "Saturday, 21-Nov-26 04:00:00 GMT", "Sat Nov 21 04:00:00 2026".
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text);

}  // namespace nodeproof
