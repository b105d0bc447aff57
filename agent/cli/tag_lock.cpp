#include "agent/cli/tag_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>

#include "common/crypto.hpp"

namespace nodeproof::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLook{100};  // flock(2) has no time-out

// Anybody may have made it. Where the folder is sticky, the kernel refuses O_CREAT for a file of
// another user (fs.protected_regular), and flock(2) needs no more than to read it.
Result<UniqueFd> open_file(const std::string& path) {
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  UniqueFd fd(open(path.c_str(), kFlags | O_CREAT, 0644));
  if (!fd && errno == EACCES) fd.reset(open(path.c_str(), kFlags));
  if (!fd) return fail_errno(errno, path);
  struct stat facts{};
  if (fstat(fd.get(), &facts) != 0) return fail_errno(errno, path);
  if (!S_ISREG(facts.st_mode)) return fail(Errc::io, path + " is no file", "remove it");
  return fd;
}

}  // namespace

Result<TagLock> TagLock::take(const Reference& tag, std::chrono::milliseconds wait,
                              const std::stop_token& stop) {
  std::error_code error;
  const auto folder = std::filesystem::temp_directory_path(error);
  if (error) return fail(Errc::io, "no folder for temporary files: " + error.message());
  const std::string key(hash_of(as_bytes(tag.name())).hex().substr(0, 32));
  UniqueFd fd = TRY(open_file((folder / ("nodeproof-tag-" + key + ".lock")).string()));
  const auto deadline = Clock::now() + wait;
  while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno(errno, "flock");
    if (stop.stop_requested()) return fail(Errc::cancelled, "stopped");
    if (Clock::now() >= deadline) {
      return fail(Errc::busy, "another nodeproof on this machine is changing " + tag.name(),
                  "wait for it to end, or give it longer with --wait SECONDS");
    }
    std::this_thread::sleep_for(kLook);
  }
  return TagLock(std::move(fd));
}

}  // namespace nodeproof::cli
