// When to try again: what passes by itself, after a random pause that grows.
#pragma once

#include <chrono>
#include <random>
#include <stop_token>

#include "common/error.hpp"

namespace nodeproof::registry {

struct RetryPolicy {
  int attempts = 4;  // without progress in between
  std::chrono::milliseconds first_pause{500};
  std::chrono::milliseconds longest_pause{8000};
  std::chrono::seconds give_up_after{
      60};  // no new attempt this long after the first one or the last progress
};

// Errc::cancelled when stopped meanwhile.
Result<> wait_a_while(std::chrono::milliseconds time, const std::stop_token& stop);

// No connection, a reset, a deadline, a broken-off answer, an answer of the 5xx kind.
[[nodiscard]] bool is_transient(const Error& error);

// One operation's attempts.
class Attempts {
 public:
  explicit Attempts(const RetryPolicy& policy);

  // Waits and returns, or returns the error when it is final; Errc::cancelled when stopped while
  // waiting.
  Result<> after(Error error, const std::stop_token& stop);
  void progress();  // the budget starts anew

 private:
  RetryPolicy policy_;
  int failed_ = 0;
  std::chrono::steady_clock::time_point begin_;
  std::minstd_rand random_;
};

}  // namespace nodeproof::registry
