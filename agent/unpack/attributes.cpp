#include "agent/unpack/attributes.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "agent/unpack/refusal.hpp"

namespace nodeproof::unpack {
namespace {

// A file system without attributes, or one that has just lost this one.
bool is_none(int error) { return error == ENOTSUP || error == ENODATA; }

constexpr std::size_t kMostAttribute = 65536;  // XATTR_SIZE_MAX, XATTR_LIST_MAX

Result<> copy_attribute(int from, int to, const std::string& name) {
  std::string value(kMostAttribute, '\0');
  const ssize_t size = ::fgetxattr(from, name.c_str(), value.data(), value.size());
  if (size < 0 && is_none(errno)) return {};
  if (size < 0) return refuse_errno(errno, "reading attribute " + name);
  const auto length = static_cast<std::size_t>(size);
  if (::fsetxattr(to, name.c_str(), value.data(), length, XATTR_CREATE) == 0) return {};
  if (is_none(errno) || errno == EEXIST) return {};
  return refuse_errno(errno, "setting attribute " + name);
}

Result<std::string> names_of(int directory) {
  std::string names(kMostAttribute, '\0');
  const ssize_t size = ::flistxattr(directory, names.data(), names.size());
  if (size < 0 && is_none(errno)) return "";
  if (size < 0) return refuse_errno(errno, "listing attributes");
  names.resize(static_cast<std::size_t>(size));
  return names;
}

// Of a directory that is empty.
Result<> copy_times(const struct ::stat& from, int to) {
  if (!TRY(is_empty(to))) return {};
  const std::array<::timespec, 2> times{from.st_atim, from.st_mtim};
  if (::futimens(to, times.data()) != 0) return refuse_errno(errno, "setting times");
  return {};
}

}  // namespace

Result<bool> is_empty(int directory) {
  struct Close {
    void operator()(DIR* entries) const { ::closedir(entries); }
  };
  const int copy = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, Close> entries(copy < 0 ? nullptr : ::fdopendir(copy));
  if (!entries) return refuse_errno(errno, "reading a directory");
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = static_cast<const char*>(entry->d_name);
    if (name != "." && name != "..") return false;
  }
  return true;
}

Result<> copy_attributes(int from, int to) {
  struct ::stat status{};
  if (::fstat(from, &status) != 0) return fail_errno(errno, "reading a directory");
  if (::fchown(to, status.st_uid, status.st_gid) != 0) return refuse_errno(errno, "changing owner");
  if (::fchmod(to, status.st_mode & 07777) != 0) return refuse_errno(errno, "changing mode");
  TRY(copy_times(status, to));
  const std::string names = TRY(names_of(from));
  for (std::size_t begin = 0; begin < names.size();) {
    const std::string name = names.c_str() + begin;
    begin += name.size() + 1;
    if (!name.starts_with("trusted.")) TRY(copy_attribute(from, to, name));
  }
  return {};
}

}  // namespace nodeproof::unpack
