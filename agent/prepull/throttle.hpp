// The bandwidth cap: one bucket of bytes for all blobs of all images.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <stop_token>

#include "common/error.hpp"

namespace nodeproof::prepull {

// Pure. Bytes are taken on credit: who takes waits until they are paid for, so that several take
// turns and none is starved.
class TokenBucket {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::nanoseconds;

  // bytes_per_second > 0.
  TokenBucket(std::uint64_t bytes_per_second, Time now);

  // How long to wait before these bytes count as passed.
  Duration take(std::uint64_t bytes, Time now);

 private:
  [[nodiscard]] Duration time_for(std::uint64_t bytes) const;
  std::uint64_t rate_;
  Time paid_until_;
};

// Thread-safe.
class Throttle {
 public:
  explicit Throttle(std::uint64_t bytes_per_second);

  // Errc::cancelled when stopped meanwhile.
  Result<> take(std::uint64_t bytes, const std::stop_token& stop);

 private:
  std::mutex mutex_;
  TokenBucket bucket_;
};

// Errc::cancelled when stopped meanwhile.
Result<> pause(std::chrono::nanoseconds time, const std::stop_token& stop);

}  // namespace nodeproof::prepull
