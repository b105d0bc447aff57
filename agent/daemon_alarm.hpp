// Rings when the first of two clocks says so: the wall's, and the one that counts from the boot on,
// in sleep too.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "common/error.hpp"

namespace boost::asio {
class io_context;
}

namespace nodeproof {

class DaemonAlarm {
 public:
  // `on_ring` is called from the loop.
  DaemonAlarm(boost::asio::io_context& loop, std::function<void()> on_ring);
  ~DaemonAlarm();
  DaemonAlarm(const DaemonAlarm&) = delete;
  DaemonAlarm& operator=(const DaemonAlarm&) = delete;

  // Once, in the place of what was set before.
  Result<> set(std::chrono::milliseconds left, std::chrono::sys_seconds wall);
  void cancel();

 private:
  struct Parts;
  std::shared_ptr<Parts> parts_;
};

}  // namespace nodeproof
