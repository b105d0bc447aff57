#include "agent/daemon_sockets.hpp"

#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <optional>
#include <set>
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

// An inode's number may be given again; with the time it was made it is the same file. That is a
// socket's time of modification: a chmod or chown does not move it, and old file systems know no
// other.
struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  std::int64_t seconds = 0, nanoseconds = 0;
  friend bool operator==(const Identity&, const Identity&) = default;
};

std::optional<Identity> identity_of(const fs::path& socket) {
  struct stat facts{};
  if (::stat(socket.c_str(), &facts) != 0 || !S_ISSOCK(facts.st_mode)) return {};
  return Identity{facts.st_dev, facts.st_ino, facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec};
}

// Of the folders on the way to the sockets those that are there. All of them: a folder that is
// removed while somebody still uses it tells its own watch nothing, but the one above knows.
std::set<fs::path> folders_there(const std::vector<fs::path>& sockets) {
  std::set<fs::path> folders;
  for (const fs::path& socket : sockets) {
    struct stat facts{};
    fs::path folder = socket.parent_path();
    for (; folder.has_relative_path(); folder = folder.parent_path()) {
      if (::stat(folder.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)) folders.insert(folder);
    }
    folders.insert(folder);
  }
  return folders;
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
  }

  // True when there was one that was not watched. One that was removed and made anew is another;
  // to add one again is no harm.
  bool add_folders() {
    std::vector<fs::path> paths;
    paths.reserve(sockets_.size());
    for (const Socket& socket : sockets_) paths.push_back(socket.path);
    std::map<fs::path, int> folders;
    for (const fs::path& folder : folders_there(paths)) {
      const int watch = ::inotify_add_watch(events_.native_handle(), folder.c_str(), kEvents);
      if (watch >= 0) folders.emplace(folder, watch);
    }
    const bool added = std::ranges::any_of(folders, [this](const auto& folder) {
      const auto known = folders_.find(folder.first);
      return known == folders_.end() || known->second != folder.second;
    });
    for (const auto& [folder, watch] : folders_) {
      const bool wanted = std::ranges::find(folders, watch, [](const auto& one) {
                            return one.second;
                          }) != folders.end();
      if (!wanted) ::inotify_rm_watch(events_.native_handle(), watch);
    }
    folders_ = std::move(folders);
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
  std::map<fs::path, int> folders_;  // and their watches
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
