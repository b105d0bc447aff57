#include "agent/report/sign_of_life.hpp"

#include <utility>

namespace nodeproof::report {

SignOfLife::SignOfLife(ProgressSink sink, const Clock& clock, Times times)
    : sink_(std::move(sink)),
      clock_(clock),
      times_(times),
      thread_([this](const std::stop_token& stop) { repeat_often(stop); }) {}

void SignOfLife::take(const Progress& step) {
  const std::lock_guard lock(mutex_);
  last_ = step;
  taken_at_ = clock_.monotonic();
  sink_(step);
}

void SignOfLife::repeat() {
  const std::lock_guard lock(mutex_);
  say_again();
}

void SignOfLife::say_again() {
  if (last_ && clock_.monotonic() - taken_at_ < times_.patience) sink_(*last_);
}

void SignOfLife::repeat_often(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, times_.every, [] { return false; });
    if (!stop.stop_requested()) say_again();
  }
}

}  // namespace nodeproof::report
