#include "agent/daemon_sockets.hpp"

#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "common/log.hpp"

namespace nodeproof {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using boost::system::error_code;

constexpr std::uint32_t kEvents =
    IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

// An inode's number may be given again; with the time of its last change it is the same file.
struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  std::int64_t seconds = 0, nanoseconds = 0;
  friend bool operator==(const Identity&, const Identity&) = default;
};

std::optional<Identity> identity_of(const fs::path& socket) {
  struct stat facts{};
  if (::stat(socket.c_str(), &facts) != 0 || !S_ISSOCK(facts.st_mode)) return {};
  return Identity{facts.st_dev, facts.st_ino, facts.st_ctim.tv_sec, facts.st_ctim.tv_nsec};
}

bool is_folder(const fs::path& path) {
  struct stat facts{};
  return ::stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

// The folder of the socket, or the nearest one above it that is there.
fs::path folder_there(const fs::path& socket) {
  fs::path folder = socket.parent_path();
  while (folder.has_relative_path() && !is_folder(folder)) folder = folder.parent_path();
  return folder;
}

}  // namespace

// Kept alive by its pending handlers.
class SocketWatch::Watcher : public std::enable_shared_from_this<SocketWatch::Watcher> {
 public:
  Watcher(asio::io_context& loop, std::chrono::milliseconds settle, std::function<void()> on_new)
      : settle_(settle), on_new_(std::move(on_new)), events_(loop), settled_(loop) {}

  void watch(std::vector<fs::path> sockets) {
    if (!begin()) log::warning("no inotify: containerd's restarts are seen within a minute");
    std::erase_if(sockets_, [&](const Socket& one) {
      return std::ranges::find(sockets, one.path) == sockets.end();
    });
    for (fs::path& path : sockets) {
      if (std::ranges::find(sockets_, path, &Socket::path) != sockets_.end()) continue;
      auto there = identity_of(path);
      sockets_.push_back({std::move(path), there});
    }
    look();
  }

  void look() {
    if (stopped_) return;
    follow_folders();
    bool news = false;
    for (Socket& socket : sockets_) {
      const auto now = identity_of(socket.path);
      news |= now && now != socket.there;
      socket.there = now;
    }
    if (news) expect_more();
  }

  void stop() {
    stopped_ = true;
    on_new_ = nullptr;
    settled_.cancel();
    error_code error;  // where closing fails there is nothing left to do
    error = events_.close(error);
  }

 private:
  struct Socket {
    fs::path path;
    std::optional<Identity> there;  // none = it is not
  };
  struct Folder {
    fs::path path;
    int watch = -1;
  };

  bool begin() {
    if (events_.is_open()) return true;
    const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) return false;
    events_.assign(fd);
    read_more();
    return true;
  }

  // A folder that came while we looked is found by looking again.
  void follow_folders() {
    constexpr int kDeep = 16;
    for (int i = 0; events_.is_open() && i < kDeep && add_folders(); ++i) {
    }
    std::erase_if(folders_, [this](const Folder& folder) {
      const bool wanted = std::ranges::any_of(
          sockets_, [&](const Socket& socket) { return folder_there(socket.path) == folder.path; });
      if (!wanted) ::inotify_rm_watch(events_.native_handle(), folder.watch);
      return !wanted;
    });
  }

  // True when there was one that was not watched. A folder that is removed and made anew has lost
  // its watch; adding it again is no harm where it has not.
  bool add_folders() {
    bool added = false;
    for (const Socket& socket : sockets_) {
      const fs::path folder = folder_there(socket.path);
      const int watch = ::inotify_add_watch(events_.native_handle(), folder.c_str(), kEvents);
      if (watch < 0) continue;
      const auto known = std::ranges::find(folders_, folder, &Folder::path);
      if (known != folders_.end() && known->watch == watch) continue;
      if (known != folders_.end()) folders_.erase(known);
      folders_.push_back({folder, watch});
      added = true;
    }
    return added;
  }

  void read_more() {
    events_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](const error_code& error, std::size_t) {
                              if (error) return;
                              self->look();
                              self->read_more();
                            });
  }

  void expect_more() {
    settled_.expires_after(settle_);
    settled_.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error && self->on_new_) self->on_new_();
    });
  }

  const std::chrono::milliseconds settle_;
  std::function<void()> on_new_;
  asio::posix::stream_descriptor events_;
  asio::steady_timer settled_;
  alignas(inotify_event) std::array<char, 4096> buffer_{};
  std::vector<Socket> sockets_;
  std::vector<Folder> folders_;
  bool stopped_ = false;
};

SocketWatch::SocketWatch(asio::io_context& loop, std::chrono::milliseconds settle,
                         std::function<void()> on_new)
    : watcher_(std::make_shared<Watcher>(loop, settle, std::move(on_new))) {}

SocketWatch::~SocketWatch() { stop(); }

void SocketWatch::watch(std::vector<fs::path> sockets) { watcher_->watch(std::move(sockets)); }
void SocketWatch::look() { watcher_->look(); }
void SocketWatch::stop() { watcher_->stop(); }

}  // namespace nodeproof
