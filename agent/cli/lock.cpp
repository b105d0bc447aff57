#include "agent/cli/lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace nodeproof::cli {

Result<InstanceLock> InstanceLock::take(const std::filesystem::path& path) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return fail_errno(errno, path.string());
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno(errno, path.string());
    const auto holder = read_file(path);
    return fail(Errc::busy,
                "another nodeproof (pid " + (holder ? *holder : std::string("unknown")) +
                    ") is at work on this node",
                "wait for it to end, or ask it: nodeproof status");
  }
  const std::string pid = std::to_string(getpid());
  if (ftruncate(fd.get(), 0) != 0 ||
      pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return fail_errno(errno, path.string());
  }
  return InstanceLock(std::move(fd));
}

}  // namespace nodeproof::cli
