#include "agent/daemon_alarm.hpp"

#include <sys/timerfd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <utility>
#include <vector>

#include "common/file.hpp"

namespace nodeproof {

namespace asio = boost::asio;
using boost::system::error_code;

struct DaemonAlarm::Parts {
  asio::io_context& loop;
  std::function<void()> on_ring;
  std::vector<asio::posix::stream_descriptor> clocks;  // timerfd(2); empty = not set
  std::uint64_t round = 0;
};

namespace {

Result<UniqueFd> clock_that_rings(clockid_t clock, std::chrono::milliseconds at, int flags) {
  UniqueFd fd(::timerfd_create(clock, TFD_NONBLOCK | TFD_CLOEXEC));
  itimerspec when{};
  when.it_value.tv_sec = at.count() / 1000;
  when.it_value.tv_nsec = at.count() % 1000 * 1'000'000;
  if (!fd || ::timerfd_settime(fd.get(), flags, &when, nullptr) != 0) {
    return fail_errno(errno, "timerfd");
  }
  return fd;
}

}  // namespace

DaemonAlarm::DaemonAlarm(asio::io_context& loop, std::function<void()> on_ring)
    : parts_(std::make_shared<Parts>(Parts{loop, std::move(on_ring), {}, 0})) {}

DaemonAlarm::~DaemonAlarm() { cancel(); }

Result<> DaemonAlarm::set(std::chrono::milliseconds left, std::chrono::sys_seconds wall) {
  cancel();
  constexpr std::chrono::milliseconds kAtLeast{1};  // 0 would disarm it
  UniqueFd boot = TRY(clock_that_rings(CLOCK_BOOTTIME, std::max(left, kAtLeast), 0));
  UniqueFd real = TRY(clock_that_rings(CLOCK_REALTIME, wall.time_since_epoch(), TFD_TIMER_ABSTIME));
  parts_->clocks.reserve(2);
  parts_->clocks.emplace_back(parts_->loop, boot.release());
  parts_->clocks.emplace_back(parts_->loop, real.release());
  for (auto& clock : parts_->clocks) {
    clock.async_wait(
        asio::posix::stream_descriptor::wait_read,
        [weak = std::weak_ptr(parts_), round = parts_->round](const error_code& error) {
          const auto parts = weak.lock();
          if (error || !parts || parts->round != round) return;
          ++parts->round;
          parts->clocks.clear();
          parts->on_ring();
        });
  }
  return {};
}

void DaemonAlarm::cancel() {
  ++parts_->round;
  parts_->clocks.clear();
}

}  // namespace nodeproof
