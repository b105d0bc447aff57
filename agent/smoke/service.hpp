// Asks a service of this very network namespace, again and again and never blocking, whether it is
// up.
#pragma once

#include <poll.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "agent/smoke/plan.hpp"
#include "agent/smoke/record.hpp"
#include "common/file.hpp"

namespace nodeproof::smoke {

class ServiceProbe {
 public:
  using Clock = std::chrono::steady_clock;
  ServiceProbe(PlannedService planned, Clock::time_point now)
      : planned_(std::move(planned)), begin_(now), next_(now) {}

  // What poll(2) is to wait for, and until when at the latest step() wants to be called again.
  [[nodiscard]] pollfd wanted() const;
  [[nodiscard]] Clock::time_point next() const { return next_; }
  void step(short events, Clock::time_point now);

  [[nodiscard]] bool up() const { return record_.state == ServiceState::up; }
  // Of what was found so far.
  [[nodiscard]] const ServiceRecord& record() const { return record_; }
  void close() { socket_.reset(); }

 private:
  void attempt(Clock::time_point now);
  void connected(Clock::time_point now);
  void send_some(Clock::time_point now);
  void receive_some(Clock::time_point now);
  void answered(Clock::time_point now, bool closed);
  void end(ServiceState state, Clock::time_point now);

  PlannedService planned_;
  Clock::time_point begin_, next_;
  ServiceRecord record_;
  UniqueFd socket_;
  bool ipv6_ = false;  // of this attempt
  bool connecting_ = false;
  std::string unsent_, received_;
};

// "address:port" of every TCP socket that listens, at most kMaxListening. /proc/net/tcp's and
// tcp6's texts.
[[nodiscard]] std::vector<std::string> listening(std::string_view tcp, std::string_view tcp6);
// In this network namespace.
[[nodiscard]] std::vector<std::string> listening_here();

}  // namespace nodeproof::smoke
