#include "agent/unpack/attributes.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
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

}  // namespace

Result<> copy_attributes(int from, int to) {
  struct ::stat status{};
  if (::fstat(from, &status) != 0) return fail_errno(errno, "reading a directory");
  if (::fchown(to, status.st_uid, status.st_gid) != 0) return refuse_errno(errno, "changing owner");
  if (::fchmod(to, status.st_mode & 07777) != 0) return refuse_errno(errno, "changing mode");
  const std::string names = TRY(names_of(from));
  for (std::size_t begin = 0; begin < names.size();) {
    const std::string name = names.c_str() + begin;
    begin += name.size() + 1;
    if (!name.starts_with("trusted.")) TRY(copy_attribute(from, to, name));
  }
  return {};
}

}  // namespace nodeproof::unpack
