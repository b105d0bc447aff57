#include "agent/registry/retry.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace nodeproof::registry {

Result<> wait_a_while(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any nobody_else;
  std::unique_lock lock(mutex);
  nobody_else.wait_for(lock, stop, time, [] { return false; });
  if (stop.stop_requested()) return fail(Errc::cancelled, "stopped while waiting to try again");
  return {};
}

bool is_transient(const Error& error) {
  switch (error.code) {
    case Errc::unreachable:
    case Errc::timeout:
    case Errc::truncated:
    case Errc::server_error:
      return true;
    default:
      return false;
  }
}

Attempts::Attempts(const RetryPolicy& policy)
    : policy_(policy), begin_(std::chrono::steady_clock::now()), random_(std::random_device{}()) {}

void Attempts::progress() {
  failed_ = 0;
  begin_ = std::chrono::steady_clock::now();
}

Result<> Attempts::after(Error error, const std::stop_token& stop) {
  ++failed_;
  const auto waited = std::chrono::steady_clock::now() - begin_;
  if (!is_transient(error) || failed_ >= policy_.attempts || waited >= policy_.give_up_after) {
    if (failed_ > 1) error.message += " (" + std::to_string(failed_) + " attempts)";
    return std::unexpected(std::move(error));
  }
  const auto doubled = policy_.first_pause * (1LL << std::min(failed_ - 1, 16));
  const auto longest = std::min<long long>(doubled.count(), policy_.longest_pause.count());
  std::uniform_int_distribution<long long> jitter(0, std::max(longest, 0LL));
  return wait_a_while(std::chrono::milliseconds(jitter(random_)), stop);
}

}  // namespace nodeproof::registry
