// How far a cycle is, on a stream: bars on a terminal, plain lines in a log.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <ostream>

#include "agent/model.hpp"
#include "agent/report/progress_board.hpp"
#include "agent/report/progress_log.hpp"
#include "common/clock.hpp"

namespace nodeproof::report {

class ProgressPrinter {
 public:
  // A terminal's lines are redrawn in place, at most ten times a second. The stream and the clock
  // outlive the printer; without a clock it is the system's.
  ProgressPrinter(std::ostream& out, bool terminal, std::size_t width,
                  const Clock* clock = nullptr);
  ~ProgressPrinter();
  ProgressPrinter(const ProgressPrinter&) = delete;
  ProgressPrinter& operator=(const ProgressPrinter&) = delete;

  // May be called from several threads, until the printer is destroyed.
  [[nodiscard]] ProgressSink sink();
  // Wipes the bars; nothing is printed afterwards.
  void finish();

 private:
  using Time = std::chrono::steady_clock::time_point;
  void take(const Progress& progress);
  void redraw(Time now);
  void wipe();

  std::ostream& out_;
  const bool terminal_;
  const std::size_t width_;
  const bool unicode_;
  const SystemClock system_clock_;
  const Clock& clock_;
  std::mutex mutex_;  // guards what follows, and the stream
  ProgressBoard board_;
  ProgressLog log_;
  std::size_t drawn_lines_ = 0;
  Time last_draw_;
  bool finished_ = false;
};

}  // namespace nodeproof::report
