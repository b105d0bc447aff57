#include "common/layer_attributes.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "common/layer_root.hpp"
#include "common/text.hpp"

namespace nodeproof {
namespace {

// A hard link's is that of what it links to.
Result<EntryType> type_there(const std::string& name, EntryType type) {
  if (type != EntryType::hard_link) return type;
  struct ::stat status{};
  if (::fstatat(AT_FDCWD, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return layer_failure(errno, "looking at it");
  }
  if (S_ISREG(status.st_mode)) return EntryType::file;
  return S_ISLNK(status.st_mode) ? EntryType::symlink : EntryType::fifo;
}

// Linux keeps user.* only for regular files and directories.
bool may_be_left_out(int error, const std::string& attribute, EntryType type) {
  if (error == EOPNOTSUPP) return true;
  return error == EPERM && attribute.starts_with("user.") && type != EntryType::file &&
         type != EntryType::directory;
}

}  // namespace

Result<> set_all(const std::string& name, const LayerItem& item) {
  const EntryType type = TRY(type_there(name, item.type));
  TRY(set_owner(name, item));
  TRY(set_extended(name, item, type));
  if (type != EntryType::symlink) TRY(set_mode(name, item));
  if (type == EntryType::directory) return {};
  return set_times(AT_FDCWD, name, item.times);
}

Result<> set_extended(const std::string& name, const LayerItem& item, EntryType type) {
  for (const auto& [attribute, value] : item.attributes) {
    if (::lsetxattr(name.c_str(), attribute.c_str(), value.data(), value.size(), 0) == 0 ||
        may_be_left_out(errno, attribute, type)) {
      continue;
    }
    // One that does not fit is no full disk.
    const bool too_large = errno == ENOSPC || errno == E2BIG || errno == ERANGE;
    return layer_failure(too_large ? EINVAL : errno,
                         "setting the extended attribute " + printable(attribute));
  }
  return {};
}

Result<> set_owner(const std::string& name, const LayerItem& item) {
  if (::lchown(name.c_str(), item.uid, item.gid) == 0) return {};
  return layer_failure(
      errno, "setting the owner " + std::to_string(item.uid) + ":" + std::to_string(item.gid));
}

Result<> set_mode(const std::string& name, const LayerItem& item) {
  if (::chmod(name.c_str(), item.mode) == 0) return {};
  return layer_failure(errno, "setting the mode");
}

Result<> set_times(int folder, const std::string& name, const std::array<::timespec, 2>& times) {
  if (::utimensat(folder, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) == 0) return {};
  return layer_failure(errno, "setting the times");
}

}  // namespace nodeproof
