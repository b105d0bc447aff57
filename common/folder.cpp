#include "common/folder.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <string_view>
#include <utility>
#include <vector>

namespace nodeproof {
namespace {

// A handle that nothing can be read from, and that opens no device.
int open_beneath(int folder, const std::string& name) {
  struct ::open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, folder, name.c_str(), &how, sizeof how));
}

// The same on Linux before 5.6 and where openat2(2) is not known: step by step, links resolved
// here, and never above `folder`.
class Walk {
 public:
  explicit Walk(int folder) {
    at_.emplace_back(::openat(folder, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  }

  int to(std::string_view path) {
    if (!add(path)) return -1;
    while (!ahead_.empty()) {
      const std::string part = std::move(ahead_.back());
      ahead_.pop_back();
      if (!(part == ".." ? up() : down(part))) return -1;
    }
    return at_.back().release();
  }

 private:
  static bool refuse(int error) {
    errno = error;
    return false;
  }

  // The parts of `path`, to be walked before what was ahead.
  bool add(std::string_view path) {
    if (path.empty()) return refuse(ENOENT);
    if (path.starts_with('/')) return refuse(EXDEV);
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin <= path.size();) {
      const std::size_t end = std::min(path.find('/', begin), path.size());
      const std::string_view part = path.substr(begin, end - begin);
      if (!part.empty() && part != ".") parts.emplace_back(part);
      begin = end + 1;
    }
    ahead_.insert(ahead_.end(), parts.rbegin(), parts.rend());
    return true;
  }

  bool up() {
    if (at_.size() == 1) return refuse(EXDEV);
    at_.pop_back();
    return true;
  }

  bool down(const std::string& part) {
    constexpr int kMostLinks = 40;  // as the kernel
    UniqueFd found(::openat(at_.back().get(), part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct ::stat status{};
    if (!found || ::fstat(found.get(), &status) != 0) return false;
    if (!S_ISLNK(status.st_mode)) {
      at_.push_back(std::move(found));
      return true;
    }
    if (++links_ > kMostLinks) return refuse(ELOOP);
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(found.get(), "", target.data(), target.size());
    return size >= 0 && add({target.data(), static_cast<std::size_t>(size)});
  }

  std::vector<UniqueFd> at_;        // from the folder to where the walk is
  std::vector<std::string> ahead_;  // the next one last
  int links_ = 0;
};

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
  if (found < 0 && (errno == ENOSYS || errno == EPERM)) found = Walk(fd_.get()).to(name);
  const int error = errno;
  const UniqueFd handle(found);
  if (!handle) return refused(error, name);
  struct ::stat status{};
  if (::fstat(handle.get(), &status) != 0) return fail_errno(errno, "reading " + name);
  if (!S_ISREG(status.st_mode))
    return fail(Errc::unsupported, name + " is no regular file", "copy the file there again");
  const std::string again = "/proc/self/fd/" + std::to_string(handle.get());
  UniqueFd fd(::open(again.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return fail_errno(errno, "opening " + name);
  return FileSource::of(std::move(fd), name);
}

}  // namespace nodeproof
