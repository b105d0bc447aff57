// A receiver of reports. One delivery is one attempt, in a process of its own; when the next one is
// made is the supervisor's to say.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "agent/model.hpp"
#include "agent/report/counters.hpp"
#include "agent/report/sink/sink_state.hpp"
#include "common/error.hpp"

namespace nodeproof::report {

struct Delivery {
  NodeReport report;
  std::string document;  // of the report, with its attestations
  AgentCounters counters;
  bool news = false;  // it says something that has not been kept or delivered
  bool hold = false;  // the receiver is not to be asked now: keep what is news
  std::chrono::sys_seconds now{};
};

class Sink {
 public:
  virtual ~Sink() = default;
  // Counts into the state whatever comes of it. An error is what the attempt failed with.
  virtual Result<> deliver(const Delivery& delivery, SinkState& state,
                           const std::stop_token& stop) = 0;
};

}  // namespace nodeproof::report
