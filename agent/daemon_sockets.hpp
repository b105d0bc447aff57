// Tells when containerd has started: a socket of its name is there that was not there before.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace nodeproof {

// inotify(7) on what is there of the folders on the way to the sockets. Where inotify is refused,
// look() alone tells.
class SocketWatch {
 public:
  // on_new is called from the loop, once no further socket has come for `settle`.
  SocketWatch(boost::asio::io_context& loop, std::chrono::milliseconds settle,
              std::function<void()> on_new);
  ~SocketWatch();
  SocketWatch(const SocketWatch&) = delete;
  SocketWatch& operator=(const SocketWatch&) = delete;

  // These instead of the ones before; those that are there now are no news.
  void watch(std::vector<std::filesystem::path> sockets);
  // Should an event have been missed.
  void look();
  void stop();

 private:
  class Watcher;
  std::shared_ptr<Watcher> watcher_;
};

}  // namespace nodeproof
