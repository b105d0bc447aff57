#include "agent/daemon_clock.hpp"

#include <sys/timerfd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <ctime>
#include <limits>
#include <utility>

namespace nodeproof {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::chrono::minutes kNotable{1};

ClockOffset::Time read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

std::chrono::seconds ClockOffset::moved(Time wall, Time since_boot) {
  const Time by = wall - since_boot - offset_;
  if (std::chrono::abs(by) < kNotable) return std::chrono::seconds(0);
  offset_ += by;
  return std::chrono::duration_cast<std::chrono::seconds>(by);
}

// Kept alive by its pending handler.
class ClockWatch::Watcher : public std::enable_shared_from_this<ClockWatch::Watcher> {
 public:
  Watcher(asio::io_context& loop, OnSet on_set)
      : on_set_(std::move(on_set)),
        offset_(read_clock(CLOCK_REALTIME), read_clock(CLOCK_BOOTTIME)),
        timer_(loop) {}

  void begin() {
    const int fd = ::timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0) return;
    timer_.assign(fd);
    wait();
  }

  void look() {
    const auto by = offset_.moved(read_clock(CLOCK_REALTIME), read_clock(CLOCK_BOOTTIME));
    if (by.count() != 0 && on_set_) on_set_(by);
  }

  void stop() {
    on_set_ = nullptr;
    error_code error;  // where closing fails there is nothing left to do
    error = timer_.close(error);
  }

 private:
  // A timer that never ends, but for a clock that is set.
  void wait() {
    itimerspec never{};
    never.it_value.tv_sec = std::numeric_limits<time_t>::max();
    if (::timerfd_settime(timer_.native_handle(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET,
                          &never, nullptr) != 0 &&
        errno != ECANCELED) {  // it is set, and tells once more that the clock was
      return;
    }
    timer_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](const error_code& error) {
                        if (error) return;
                        self->wait();
                        self->look();
                      });
  }

  OnSet on_set_;
  ClockOffset offset_;
  asio::posix::stream_descriptor timer_;
};

ClockWatch::ClockWatch(asio::io_context& loop, OnSet on_set)
    : watcher_(std::make_shared<Watcher>(loop, std::move(on_set))) {
  watcher_->begin();
}

ClockWatch::~ClockWatch() { stop(); }

void ClockWatch::look() { watcher_->look(); }
void ClockWatch::stop() { watcher_->stop(); }

}  // namespace nodeproof
