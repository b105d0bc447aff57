#include "common/layer_root.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>
#include <vector>

#include "common/text.hpp"

namespace nodeproof {
namespace {

constexpr int kDirectory = O_PATH | O_DIRECTORY | O_NOFOLLOW;

// The part before the next slash, which is removed with it.
std::string_view next_part(std::string_view& path) {
  const std::size_t slash = std::min(path.find('/'), path.size());
  const std::string_view part = path.substr(0, slash);
  path.remove_prefix(std::min(slash + 1, path.size()));
  return part;
}

// By the text alone, as Go's filepath.Clean: ".." takes the part before it away. An absolute path
// stays one.
std::string clean(std::string_view path) {
  const bool absolute = path.starts_with('/');
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::string_view part = next_part(path);
    if (part.empty() || part == ".") continue;
    const bool up = part == "..";
    if (up && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (!up || !absolute) {
      parts.push_back(part);
    }
  }
  std::string made;
  for (const std::string_view part : parts) {
    if (!made.empty()) made += '/';
    made += part;
  }
  return absolute ? "/" + made : made;
}

// Not by mkdir(2) alone: below a directory with setgid the new one would have it, too.
Result<UniqueFd> make_one(int folder, const std::string& name, const std::string& path,
                          const LayerRoot::Made& made) {
  if (::mkdirat(folder, name.c_str(), 0755) != 0 ||
      ::fchmodat(folder, name.c_str(), 0755, 0) != 0) {
    return layer_failure(errno, "making its parent directory");
  }
  TRY(made(path));
  return UniqueFd(::openat(folder, name.c_str(), kDirectory | O_CLOEXEC));
}

std::unexpected<Error> no_directory() {
  return fail(Errc::corrupt, "its parent directory is another kind of file");
}

}  // namespace

SplitPath::SplitPath(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash != std::string_view::npos) parent = path.substr(0, slash);
  base = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
}

std::string join_path(std::string_view parent, std::string_view base) {
  if (parent.empty()) return std::string(base);
  std::string path(parent);
  path += '/';
  return path += base;
}

std::unexpected<Error> layer_failure(int errno_value, std::string_view what) {
  const std::string text = std::string(what) + ": " + std::strerror(errno_value);
  switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
      return fail(Errc::no_space, text);
    case EPERM:
    case EACCES:
    case EINVAL:
    case EXDEV:
    case ENOSYS:
    case EOPNOTSUPP:
      return fail(Errc::unsupported, text);
    case ENOENT:
    case ENOTDIR:
    case EEXIST:
    case ELOOP:
      return fail(Errc::corrupt, text);  // nobody else is there: so the tar wants it
    case ENAMETOOLONG:
      return fail(Errc::too_large, text);
    default:
      return fail(Errc::io, text);
  }
}

Result<LayerRoot> LayerRoot::open(bool openat2_is_there) {
  UniqueFd root(::open(".", kDirectory | O_CLOEXEC));
  if (!root) return layer_failure(errno, "opening the layer's directory");
  return LayerRoot(std::move(root), openat2_is_there);
}

LayerRoot::~LayerRoot() {
  if (root_) [[maybe_unused]]
    const int back = ::fchdir(root_.get());
}

Result<> LayerRoot::enter(const std::string& directory, const Made& made) {
  if (entered_ == directory) return {};
  entered_.reset();
  at_ = directory;
  UniqueFd fd = open_plain(directory, kDirectory);
  if (!fd) {
    at_ = TRY(resolve(directory));
    fd = TRY(make(at_, made));
  }
  if (::fchdir(fd.get()) != 0) return layer_failure(errno, "entering its directory");
  entered_ = directory;
  return {};
}

Result<UniqueFd> LayerRoot::directory(const std::string& path) {
  UniqueFd fd = open_plain(path, kDirectory);
  if (fd) return fd;
  fd = open_plain(TRY(resolve(path)), kDirectory);
  if (!fd) return layer_failure(errno, "opening the directory " + printable(path));
  return fd;
}

UniqueFd LayerRoot::readable(const std::string& path) const {
  return open_plain(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

// ELOOP: a link is on the way.
UniqueFd LayerRoot::open_plain(const std::string& path, int flags) const {
  struct ::open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const char* name = path.empty() ? "." : path.c_str();
  if (!openat2_is_there_) return step_by_step(path, flags);
  const long fd = ::syscall(SYS_openat2, root_.get(), name, &how, sizeof how);
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return UniqueFd(static_cast<int>(fd));
  openat2_is_there_ = false;  // Linux before 5.6, or a filter that does not know it
  return step_by_step(path, flags);
}

UniqueFd LayerRoot::step_by_step(std::string_view path, int flags) const {
  UniqueFd at(
      ::openat(root_.get(), ".", path.empty() ? flags | O_CLOEXEC : kDirectory | O_CLOEXEC));
  while (at && !path.empty()) {
    const std::string part(next_part(path));
    UniqueFd next(
        ::openat(at.get(), part.c_str(), (path.empty() ? flags : kDirectory) | O_CLOEXEC));
    struct ::stat status{};
    if (!next && errno == ENOTDIR) {
      const int seen = ::fstatat(at.get(), part.c_str(), &status, AT_SYMLINK_NOFOLLOW);
      errno = seen == 0 && S_ISLNK(status.st_mode) ? ELOOP : ENOTDIR;
    }
    const int error = errno;
    at = std::move(next);
    errno = error;
  }
  return at;
}

Result<UniqueFd> LayerRoot::make(const std::string& path, const Made& made) {
  UniqueFd at(::openat(root_.get(), ".", kDirectory | O_CLOEXEC));
  std::string_view rest = path;
  while (at && !rest.empty()) {
    const std::string part(next_part(rest));
    const std::string here = path.substr(0, path.size() - rest.size() - (rest.empty() ? 0 : 1));
    UniqueFd next(::openat(at.get(), part.c_str(), kDirectory | O_CLOEXEC));
    if (!next && errno == ENOENT) next = TRY(make_one(at.get(), part, here, made));
    if (!next && (errno == ENOTDIR || errno == ELOOP)) return no_directory();
    at = std::move(next);
  }
  if (!at) return layer_failure(errno, "opening its parent directory");
  return at;
}

// What the link there says; "" = there is no link, or nothing at all. Links before the last part
// are followed by the kernel, as long as they stay inside.
Result<std::string> LayerRoot::link_at(const std::string& path, int& links) {
  constexpr int kMostLinks = 255;
  if (links > kMostLinks) return fail(Errc::corrupt, "too many symbolic links in its path");
  if (path == "/") return std::string();
  UniqueFd found;
  if (openat2_is_there_) {
    struct ::open_how how{};
    how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    found.reset(
        static_cast<int>(::syscall(SYS_openat2, root_.get(), path.c_str() + 1, &how, sizeof how)));
  } else {
    found = step_by_step(path.substr(1), O_PATH | O_NOFOLLOW);
  }
  if (!found && errno == ENOENT) return std::string();
  if (!found && errno == ENOTDIR) return no_directory();
  if (!found && (errno == EXDEV || errno == ELOOP)) {
    return fail(Errc::unsupported, "a chain of symbolic links in its path");
  }
  std::array<char, PATH_MAX> target{};
  struct ::stat status{};
  if (!found || ::fstat(found.get(), &status) != 0) return layer_failure(errno, "reading its path");
  if (!S_ISLNK(status.st_mode)) return std::string();
  const ssize_t size = ::readlinkat(found.get(), "", target.data(), target.size());
  if (size <= 0) return layer_failure(errno, "reading a link in its path");
  ++links;
  return std::string(target.data(), static_cast<std::size_t>(size));
}

// Every link on the way, by what it says alone: a relative one is cut and joined as text. What it
// leads to is the next pass' matter. So does containerd, and a chain of links shows it.
Result<std::string> LayerRoot::pass(std::string_view path, int& links) {
  bool first = !path.starts_with('/');
  std::string at = first ? "" : "/";
  while (!path.empty()) {
    const std::string_view part = next_part(path);
    if (part.empty()) continue;
    const std::string here = clean("/" + at + "/" + std::string(part));
    const std::string target = TRY(link_at(here, links));
    if (target.empty()) {
      at = here;
    } else if (first || target.starts_with('/')) {
      at = target;
    } else {
      at = clean(at + "/" + target);
    }
    first = false;
  }
  return at;
}

Result<std::string> LayerRoot::resolve(std::string_view path) {
  std::string at(path);
  for (int links = 0;;) {
    const int before = links;
    at = TRY(pass(at, links));
    if (links != before) continue;
    const std::string whole = clean("/" + at);
    if (at == whole || at.empty()) return whole.substr(1);
    at = whole;
  }
}

}  // namespace nodeproof
