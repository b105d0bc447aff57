#include "agent/unpack/walk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <vector>

namespace nodeproof::unpack {
namespace {

constexpr int kMostLinks = 255;

using Parts = std::vector<std::string>;

Parts parts_of(std::string_view path) {
  Parts parts;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) parts.emplace_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// As Go's filepath.Clean does, where "/.." is "/".
Parts cleaned(const Parts& parts) {
  Parts clean;
  for (const std::string& part : parts) {
    if (part == ".") continue;
    if (part != "..") {
      clean.push_back(part);
    } else if (!clean.empty()) {
      clean.pop_back();
    }
  }
  return clean;
}

bool is_plain(const Parts& parts) {
  return std::ranges::none_of(parts, [](const std::string& p) { return p == "." || p == ".."; });
}

UniqueFd open_parts(int directory, const Parts& parts, int flags) {
  constexpr int kOnTheWay = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  if (parts.empty()) return UniqueFd(::openat(directory, ".", flags | O_CLOEXEC));
  UniqueFd at;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    at = UniqueFd(::openat(at ? at.get() : directory, parts[i].c_str(), kOnTheWay));
    if (!at) return at;
  }
  return UniqueFd(
      ::openat(at ? at.get() : directory, parts.back().c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
}

Result<std::string> read_link(int link) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = ::readlinkat(link, "", target.data(), target.size());
  if (size < 0) return fail_errno(errno, "reading a link of a layer below");
  return std::string(target.data(), static_cast<std::size_t>(size));
}

// Where the walk goes on when parts[at] is a link with this target.
Parts redirected(const Parts& parts, std::size_t at, const std::string& target) {
  Parts next;
  if (!target.starts_with('/')) next.assign(parts.begin(), parts.begin() + static_cast<long>(at));
  std::ranges::copy(parts_of(target), std::back_inserter(next));
  next = cleaned(next);
  next.insert(next.end(), parts.begin() + static_cast<long>(at) + 1, parts.end());
  return next;
}

}  // namespace

UniqueFd open_below(int directory, std::string_view path, int flags) {
  const Parts parts = parts_of(path);
  if (path.starts_with('/') || !is_plain(parts)) {
    errno = EXDEV;
    return {};
  }
  return open_parts(directory, parts, flags);
}

Result<Found> find_directory(int root, const std::string& path) {
  Parts parts = cleaned(parts_of(path));
  int links = 0;
  for (std::size_t known = 0; known < parts.size();) {
    const Parts so_far(parts.begin(), parts.begin() + static_cast<long>(known) + 1);
    const UniqueFd part = open_parts(root, so_far, O_PATH);
    struct ::stat status{};
    if (!part && errno == ENOENT) return Found{};
    if (!part || ::fstat(part.get(), &status) != 0) return fail_errno(errno, path);
    if (!S_ISLNK(status.st_mode)) {
      ++known;
      if (known == parts.size() && !S_ISDIR(status.st_mode)) return Found{Found::Kind::other, {}};
      continue;
    }
    if (++links > kMostLinks) return fail_errno(ELOOP, path);
    const std::string target = TRY(read_link(part.get()));
    parts = redirected(parts, known, target);
    known = 0;
  }
  UniqueFd directory = open_parts(root, parts, O_RDONLY | O_DIRECTORY);
  if (!directory) return fail_errno(errno, path);
  return Found{Found::Kind::directory, std::move(directory)};
}

}  // namespace nodeproof::unpack
