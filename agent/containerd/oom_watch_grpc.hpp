// Notices that the kernel killed a container for its memory limit: containerd says so only in its
// event stream.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "agent/containerd/channel_grpc.hpp"

namespace nodeproof::containerd {

// Subscribed while it lives; to be made before the task is created.
class OomWatch {
 public:
  OomWatch(const Channel& channel, std::string container);
  ~OomWatch();
  OomWatch(const OomWatch&) = delete;
  OomWatch& operator=(const OomWatch&) = delete;

  // To be asked before the task is deleted. The event may come behind the exit: waits for it, but
  // not for long.
  bool out_of_memory();

 private:
  void listen();

  const Channel& channel_;
  std::string container_;
  Call call_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool oom_ = false;
  std::jthread listener_;
};

}  // namespace nodeproof::containerd
