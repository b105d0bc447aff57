#include "common/folder.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace nodeproof {
namespace {

// A handle that nothing can be read from, and that opens no device.
int open_beneath(int folder, const std::string& name) {
  struct ::open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, folder, name.c_str(), &how, sizeof how));
}

// Linux before 5.6, and sandboxes that do not know openat2(2): no link at all is followed.
int open_without_links(int folder, const std::string& name) {
  UniqueFd at(::openat(folder, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (std::size_t begin = 0; at && begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string part = name.substr(begin, end - begin);
    if (part.empty() || part == "..") {
      errno = EXDEV;
      return -1;
    }
    at.reset(::openat(at.get(), part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    begin = end + 1;
  }
  return at.release();
}

std::unexpected<Error> refused(int errno_value, const std::string& name) {
  if (errno_value == EXDEV || errno_value == ELOOP) {
    return fail(Errc::unsupported, name + " is a link that leads out of the folder",
                "copy the files themselves (cp -rL)");
  }
  if (errno_value == ENOTDIR) errno_value = ENOENT;
  return fail_errno(errno_value, "opening " + name);
}

}  // namespace

Result<Folder> Folder::open(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "opening " + path.string());
  return Folder(std::move(fd));
}

Result<FileSource> Folder::file(const std::string& name) const {
  int found = open_beneath(fd_.get(), name);
  if (found < 0 && (errno == ENOSYS || errno == EPERM)) found = open_without_links(fd_.get(), name);
  const int error = errno;
  const UniqueFd handle(found);
  if (!handle) return refused(error, name);
  struct ::stat status{};
  if (::fstat(handle.get(), &status) != 0) return fail_errno(errno, "reading " + name);
  if (S_ISLNK(status.st_mode)) return refused(EXDEV, name);
  if (!S_ISREG(status.st_mode))
    return fail(Errc::unsupported, name + " is no regular file", "copy the file there again");
  const std::string again = "/proc/self/fd/" + std::to_string(handle.get());
  UniqueFd fd(::open(again.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return fail_errno(errno, "opening " + name);
  return FileSource::of(std::move(fd), name);
}

}  // namespace nodeproof
