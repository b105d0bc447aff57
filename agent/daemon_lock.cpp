#include "agent/daemon_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

namespace nodeproof {

Result<UniqueFd> lock_instance(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail_errno(errno, path.string());
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return fail_errno(errno, path.string());
  return fail(Errc::busy, "another nodeproof daemon runs on this node (" + path.string() + ")",
              "ask it: nodeproof status");
}

}  // namespace nodeproof
