// When a sink is tried: on news at once, without news every so often, after a failure ever less
// often. Nothing here knows what time it is; the caller says so.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "agent/report/sink/sink_state.hpp"

namespace nodeproof::report {

struct SinkAttempt {
  bool news = false;
  bool hold = false;
  friend bool operator==(const SinkAttempt&, const SinkAttempt&) = default;
};

class SinkSchedule {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Random = std::function<double()>;  // 0 to 1: so that a fleet does not come at once

  SinkSchedule(SinkSetting setting, std::chrono::milliseconds first_retry, Random random)
      : setting_(std::move(setting)), first_retry_(first_retry), random_(std::move(random)) {}

  [[nodiscard]] const SinkSetting& setting() const { return setting_; }

  // There is a report.
  void note(Time now, bool news);
  // When the next attempt is to begin; nothing = when there is news.
  [[nodiscard]] std::optional<Time> due() const;
  [[nodiscard]] SinkAttempt begin(Time now);
  // `done`: there is nothing to try again. `state` as the attempt left it; nothing = it crashed, or
  // never began.
  void ended(Time now, bool done, const std::optional<SinkState>& state);

 private:
  [[nodiscard]] std::chrono::milliseconds share(std::chrono::milliseconds least,
                                                std::chrono::milliseconds most) const;
  [[nodiscard]] std::chrono::milliseconds back_off() const;
  void plan_failed(Time now, const std::optional<SinkState>& state);

  SinkSetting setting_;
  std::chrono::milliseconds first_retry_;
  Random random_;
  bool news_ = false;                // that no attempt has been told yet
  bool came_ = false;                // since the last attempt began
  bool keep_ = false;                // now, for the receiver is not to be asked
  bool stopped_ = false;             // the receiver wants no more
  unsigned failures_ = 0;            // in a row
  SinkAttempt running_;              // the one under way
  std::optional<Time> next_;         // to ask the receiver
  Time barred_until_ = Time::min();  // it is not to be asked before
};

}  // namespace nodeproof::report
