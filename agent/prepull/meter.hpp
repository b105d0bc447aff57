// How fast it goes and how long it will take. Pure; not thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "agent/model.hpp"

namespace nodeproof::prepull {

// Bytes of the last seconds. A line that stands still is at 0 after as many.
class Meter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Meter(Time begin) : begin_(begin) {}

  void add(std::uint64_t bytes, Time now);
  // For what is left to load.
  [[nodiscard]] Pace pace(std::uint64_t bytes_left, Time now) const;

 private:
  static constexpr std::int64_t kSeconds = 5;  // whole ones, besides the present
  struct Second {
    std::int64_t number = -1;  // since begin_
    std::uint64_t bytes = 0;
  };
  [[nodiscard]] std::int64_t second_of(Time now) const;
  [[nodiscard]] double rate(Time now) const;

  Time begin_;
  std::array<Second, kSeconds + 1> seconds_{};
};

}  // namespace nodeproof::prepull
