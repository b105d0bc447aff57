// How far a cycle is: bars on a terminal, plain lines in a log.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <ostream>
#include <string>
#include <vector>

#include "agent/model.hpp"
#include "common/clock.hpp"

namespace nodeproof::report {

// Where one image stands.
struct ImageProgress {
  Progress latest;
  std::chrono::steady_clock::time_point phase_began;
  std::uint64_t done_at_begin = 0;  // bytes that were there when the phase began
  std::chrono::steady_clock::time_point last_line;
};

// "app:1  pull    [#####-----]  12.3 of 41.2 MB  3.1 MB/s", at most `width` columns.
[[nodiscard]] std::string progress_bar(const ImageProgress& image, double seconds,
                                       std::size_t width, bool unicode);

// "app:1: pulling, 12.3 of 41.2 MB, 3.1 MB/s"
[[nodiscard]] std::string progress_text(const ImageProgress& image, double seconds);

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
  void log_line(ImageProgress& image, bool new_phase, Time now);

  std::ostream& out_;
  const bool terminal_;
  const std::size_t width_;
  const bool unicode_;
  const SystemClock system_clock_;
  const Clock& clock_;
  std::mutex mutex_;                   // guards what follows, and the stream
  std::vector<ImageProgress> images_;  // those under way, in order of appearance
  std::size_t drawn_lines_ = 0;
  Time last_draw_;
  bool finished_ = false;
};

}  // namespace nodeproof::report
