// The service manager's notification protocol (sd_notify(3)): one datagram per message, no library.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "common/file.hpp"

namespace nodeproof {

class Notifier {
 public:
  // Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so that children do
  // not use them.
  static Notifier from_environment();
  // "" = nobody listens; '@' begins an abstract name.
  explicit Notifier(std::string_view socket);

  // A service manager takes care of what is left when we end.
  [[nodiscard]] bool is_managed() const { return !address_.empty(); }

  // Lines as "READY=1\nSTATUS=...". A manager that does not read is no error of ours.
  void send(std::string_view state) const;
  // RELOADING=1 with the time it began (CLOCK_MONOTONIC), as Type=notify-reload wants it.
  void send_reloading() const;

  // How often WATCHDOG=1 must be sent; absent = no watchdog.
  [[nodiscard]] std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }

 private:
  std::string address_;  // sun_path as it goes into the call
  UniqueFd socket_;
  std::optional<std::chrono::microseconds> watchdog_;
};

}  // namespace nodeproof
