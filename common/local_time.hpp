// This node's local time, without the C library's name services: from TZ or /etc/localtime, UTC
// where there is neither.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace nodeproof {

// Seconds east of UTC at a moment. A function, so that tests own the time zone.
using UtcOffset = std::function<std::chrono::seconds(std::chrono::sys_seconds)>;

// This node's; follows a change of /etc/localtime only in another process.
[[nodiscard]] std::chrono::seconds utc_offset(std::chrono::sys_seconds at);

// The moment at which clocks on the wall show that time. One that they skip counts as if they had
// not been put forward yet, of two the first is taken.
[[nodiscard]] std::chrono::sys_seconds from_local(std::chrono::local_seconds local,
                                                  const UtcOffset& offset);

// "2026-11-22T01:00:00+01:00"
[[nodiscard]] std::string to_local_rfc3339(std::chrono::sys_seconds at, const UtcOffset& offset);

}  // namespace nodeproof
