// Time that passes when the test says so.
#pragma once

#include <atomic>
#include <chrono>

#include "common/clock.hpp"

namespace nodeproof::fakes {

class FakeClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::system_clock::time_point now() const override {
    return std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + passed_.load();
  }
  [[nodiscard]] std::chrono::steady_clock::time_point monotonic() const override {
    return std::chrono::steady_clock::time_point() + std::chrono::hours(1) + passed_.load();
  }
  void advance(std::chrono::seconds time) { passed_ = passed_.load() + time; }

 private:
  std::atomic<std::chrono::seconds> passed_{};
};

}  // namespace nodeproof::fakes
