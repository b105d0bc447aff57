// A short child beside the cycles, again and again: a slice of the scrub, the look at containerd.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/daemon_child.hpp"

namespace nodeproof {

class SideJob {
 public:
  struct Work {
    std::function<std::vector<std::string>()> command;  // empty = there is nothing to do now
    std::function<std::chrono::milliseconds()> pause;   // before the next one
    // What it said, when that was more than nothing: it has no report to give.
    std::function<void(const Error&)> said;
    std::function<void()> ended;
  };

  SideJob(boost::asio::io_context& loop, std::chrono::milliseconds silence,
          std::chrono::milliseconds grace, Work work);
  ~SideJob();  // kills what still runs
  SideJob(const SideJob&) = delete;
  SideJob& operator=(const SideJob&) = delete;

  void plan();  // the next one, after its pause
  void stop();  // the one that runs, and no more of them
  [[nodiscard]] bool running() const { return child_.running(); }

 private:
  void start();

  struct Timer;
  const Work work_;
  std::unique_ptr<Timer> timer_;
  CycleChild child_;
  bool stopped_ = false;
};

}  // namespace nodeproof
