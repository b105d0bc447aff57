// Tells when the wall clock was set: a board without a battery starts in 1970 and is set once the
// network is there.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace nodeproof {

// How far the wall clock went from where it would be by itself. Slow corrections add up, too.
class ClockOffset {
 public:
  using Time = std::chrono::nanoseconds;  // of each clock, since its beginning

  ClockOffset(Time wall, Time since_boot) : offset_(wall - since_boot) {}

  // By how much, when that is a minute or more; measured from now on then. Else 0.
  std::chrono::seconds moved(Time wall, Time since_boot);

 private:
  Time offset_;
};

// timerfd_create(2) with TFD_TIMER_CANCEL_ON_SET; where the kernel has none, nothing is told.
class ClockWatch {
 public:
  using OnSet = std::function<void(std::chrono::seconds by)>;

  ClockWatch(boost::asio::io_context& loop, OnSet on_set);
  ~ClockWatch();
  ClockWatch(const ClockWatch&) = delete;
  ClockWatch& operator=(const ClockWatch&) = delete;

  void look();  // should the clock have been moved without being set
  void stop();

 private:
  class Watcher;
  std::shared_ptr<Watcher> watcher_;
};

}  // namespace nodeproof
