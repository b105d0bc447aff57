#include "agent/prepull/throttle.hpp"

#include <algorithm>
#include <condition_variable>

namespace nodeproof::prepull {
namespace {

// What an idle line may catch up on: small, so that the cap holds over any second.
constexpr TokenBucket::Duration kSavings = std::chrono::milliseconds(100);

}  // namespace

TokenBucket::TokenBucket(std::uint64_t bytes_per_second, Time now)
    : rate_(std::max<std::uint64_t>(bytes_per_second, 1)), paid_until_(now - kSavings) {}

TokenBucket::Duration TokenBucket::time_for(std::uint64_t bytes) const {
  return Duration(
      static_cast<Duration::rep>(static_cast<double>(bytes) / static_cast<double>(rate_) * 1e9));
}

TokenBucket::Duration TokenBucket::take(std::uint64_t bytes, Time now) {
  paid_until_ = std::max<Time>(paid_until_, now - kSavings) + time_for(bytes);
  return std::max(Duration(paid_until_ - now), Duration(0));
}

Throttle::Throttle(std::uint64_t bytes_per_second)
    : bucket_(bytes_per_second, std::chrono::steady_clock::now()) {}

Result<> Throttle::take(std::uint64_t bytes, const std::stop_token& stop) {
  TokenBucket::Duration wait{};
  {
    const std::lock_guard lock(mutex_);
    wait = bucket_.take(bytes, std::chrono::steady_clock::now());
  }
  return wait.count() > 0 ? pause(wait, stop) : Result<>{};
}

Result<> pause(std::chrono::nanoseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any nobody_else;
  std::unique_lock lock(mutex);
  nobody_else.wait_for(lock, stop, time, [] { return false; });
  if (stop.stop_requested()) return fail(Errc::cancelled, "stopped");
  return {};
}

}  // namespace nodeproof::prepull
