// SIGINT and SIGTERM become a stop request, so that every stage leaves in good order.
#pragma once

#include <csignal>
#include <stop_token>
#include <thread>

#include "common/file.hpp"

namespace nodeproof::cli {

// Made before any other thread, so that they all inherit the blocked signals.
class SignalStop {
 public:
  SignalStop();
  ~SignalStop();
  SignalStop(const SignalStop&) = delete;
  SignalStop& operator=(const SignalStop&) = delete;

  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  [[nodiscard]] bool stopped() const { return source_.stop_requested(); }

 private:
  void watch() const;

  sigset_t before_{};
  UniqueFd signals_, quit_;
  mutable std::stop_source source_;
  std::jthread watcher_;
};

}  // namespace nodeproof::cli
