// A running cycle as lines of a log: one per step, few between.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "agent/report/progress_board.hpp"

namespace nodeproof::report {

class ProgressLog {
 public:
  using Time = std::chrono::steady_clock::time_point;
  enum class Weight { step, event };  // an event: a pull stalls or goes on
  using Write = std::function<void(Weight weight, const std::string& line)>;
  enum class About { everything, work };  // work: not images that are only looked at

  ProgressLog(Write write, About about) : write_(std::move(write)), about_(about) {}

  // What the change means for the log; `cycle` is what it led to.
  void take(const ProgressBoard::Change& change, const CycleProgress& cycle, Time now);

 private:
  void write_now_and_then(const Progress& image, const CycleProgress& cycle, Time now);

  Write write_;
  About about_;
  Time last_line_{};
};

}  // namespace nodeproof::report
