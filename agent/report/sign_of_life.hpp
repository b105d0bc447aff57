// What keeps a supervisor from taking a long step for a hang: the last progress line, again and
// again.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "agent/model.hpp"
#include "common/clock.hpp"

namespace nodeproof::report {

class SignOfLife {
 public:
  struct Times {
    std::chrono::milliseconds every{std::chrono::minutes(1)};
    // Longer than an unpacking or a comparison of files takes, and than a node waits for a layer
    // that its kubelet fetches. A step that takes longer hangs, and nothing is said any more.
    std::chrono::seconds patience{std::chrono::hours(6)};
  };

  // The clock outlives it. The sink is not called by two threads at a time.
  SignOfLife(ProgressSink sink, const Clock& clock, Times times);
  SignOfLife(ProgressSink sink, const Clock& clock) : SignOfLife(std::move(sink), clock, {}) {}
  SignOfLife(const SignOfLife&) = delete;
  SignOfLife& operator=(const SignOfLife&) = delete;
  ~SignOfLife() = default;

  void take(const Progress& step);
  // Says the last step again; a thread does it every so often.
  void repeat();

 private:
  void repeat_often(const std::stop_token& stop);
  void say_again();  // with mutex_ held

  const ProgressSink sink_;
  const Clock& clock_;
  const Times times_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::optional<Progress> last_;
  std::chrono::steady_clock::time_point taken_at_;
  std::jthread thread_;  // the last member: it uses the others
};

}  // namespace nodeproof::report
