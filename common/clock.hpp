// Time as a port, so that tests own it.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace nodeproof {

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual std::chrono::system_clock::time_point now() const = 0;
  [[nodiscard]] virtual std::chrono::steady_clock::time_point monotonic() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::system_clock::time_point now() const override {
    return std::chrono::system_clock::now();
  }
  [[nodiscard]] std::chrono::steady_clock::time_point monotonic() const override {
    return std::chrono::steady_clock::now();
  }
};

// RFC 3339 in UTC with seconds: "2026-11-21T10:00:00Z".
[[nodiscard]] std::string to_rfc3339(std::chrono::system_clock::time_point time);
// What to_rfc3339() writes.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_rfc3339(const std::string& text);

}  // namespace nodeproof
