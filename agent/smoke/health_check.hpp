// Runs a service's check command beside it, again and again, until it says that the service is
// healthy.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <chrono>
#include <optional>

#include "agent/smoke/capture.hpp"
#include "agent/smoke/plan.hpp"
#include "agent/smoke/record.hpp"
#include "agent/smoke/trace.hpp"

namespace nodeproof::smoke {

class HealthCheck {
 public:
  using Clock = std::chrono::steady_clock;
  // All outlive it; `service`.service has the check.
  struct Beside {
    const PlannedRun& service;
    const User& user;
    const Root& root;
    Trace& trace;
  };
  HealthCheck(const Beside& beside, Clock::time_point now)
      : beside_(beside), begin_(now), next_(now) {}

  // What poll(2) is to wait for, and until when at the latest step() wants to be called again.
  [[nodiscard]] pollfd wanted() const;
  [[nodiscard]] Clock::time_point next() const { return next_; }
  void step(short events, Clock::time_point now);
  // Of any process that has ended.
  void take_end(pid_t pid, int status, Clock::time_point now);

  [[nodiscard]] bool up() const { return record_.state == ServiceState::up; }
  // No later attempt can be another one.
  [[nodiscard]] bool hopeless() const { return record_.state == ServiceState::check_unusable; }
  // Of the last attempt that ended.
  [[nodiscard]] const ServiceRecord& record() const { return record_; }
  void give_up();  // on the attempt that runs: its end says nothing

 private:
  void kill_it() const;
  void start(Clock::time_point now);
  void postpone(std::string why, Clock::time_point now);
  void unusable(std::string why);

  Beside beside_;
  Clock::time_point begin_, next_;  // next_: the attempt's time-out, or the next attempt
  ServiceRecord record_;
  pid_t pid_ = -1;  // -1 = none is running
  bool timed_out_ = false, given_up_ = false;
  std::optional<Capture> out_;
  UniqueFd report_;
};

}  // namespace nodeproof::smoke
