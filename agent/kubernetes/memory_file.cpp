#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "agent/kubernetes/client.hpp"

namespace nodeproof::kubernetes {

namespace {

constexpr unsigned kNeverRun = 8;  // MFD_NOEXEC_SEAL: Linux 6.3, which may be told to want it

}  // namespace

Result<MemoryFile> MemoryFile::make(const std::string& text) {
  UniqueFd file(::memfd_create("nodeproof-credential", MFD_CLOEXEC | kNeverRun));
  if (!file && errno == EINVAL) file.reset(::memfd_create("nodeproof-credential", MFD_CLOEXEC));
  if (!file) return fail_errno(errno, "holding a credential in memory");
  std::string_view left = text;
  while (!left.empty()) {
    const ssize_t count = ::write(file.get(), left.data(), left.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail_errno(errno, "holding a credential in memory");
    left.remove_prefix(static_cast<std::size_t>(count));
  }
  return MemoryFile(std::move(file));
}

std::string MemoryFile::name() const { return "/proc/self/fd/" + std::to_string(file_.get()); }

}  // namespace nodeproof::kubernetes
