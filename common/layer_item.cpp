#include "common/layer_item.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "common/layer_archive.hpp"
#include "common/text.hpp"

namespace nodeproof {
namespace {

// containerd's bounds: what is outside becomes the epoch.
::timespec bounded(::timespec time) {
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();  // ns: 2262-04-11
  constexpr std::int64_t kSecond = 1'000'000'000;
  const bool late =
      std::pair(time.tv_sec, time.tv_nsec) > std::pair(kLast / kSecond, kLast % kSecond);
  return time.tv_sec < 0 || late ? ::timespec{} : time;
}

std::array<::timespec, 2> times_of(archive_entry* entry) {
  const ::timespec changed{::archive_entry_mtime(entry), ::archive_entry_mtime_nsec(entry)};
  ::timespec used{::archive_entry_atime(entry), ::archive_entry_atime_nsec(entry)};
  if (::archive_entry_atime_is_set(entry) == 0 ||
      std::pair(used.tv_sec, used.tv_nsec) < std::pair(changed.tv_sec, changed.tv_nsec)) {
    used = changed;
  }
  return {bounded(used), bounded(changed)};
}

// The number that means "as it is" for chown(2) is no owner.
std::optional<std::uint32_t> owner(la_int64_t id) {
  if (id < 0 || id >= std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(id);
}

Result<std::vector<LayerItem::Attribute>> attributes_of(archive_entry* entry) {
  std::vector<LayerItem::Attribute> found;
  for (int left = ::archive_entry_xattr_reset(entry); left > 0; --left) {
    const char* raw = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    if (::archive_entry_xattr_next(entry, &raw, &value, &size) != ARCHIVE_OK) break;
    const std::string_view name = text_of(raw);
    if (name.empty()) return fail(Errc::unsupported, "an extended attribute without a name");
    if (name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.")) {
      return fail(Errc::unsupported, "sets overlayfs' own attribute " + printable(name));
    }
    // libarchive does not tell RHT.security.selinux, which containerd does not know, from
    // SCHILY.xattr.security.selinux, which it sets.
    if (name == "security.selinux") return fail(Errc::unsupported, "has an SELinux label");
    if (name.starts_with("trusted.")) continue;
    found.push_back({std::string(name), {static_cast<const char*>(value), size}});
  }
  std::ranges::reverse(found);  // libarchive gives the last one first
  return found;
}

Result<> owned(archive_entry* entry, LayerItem& item) {
  const auto uid = owner(::archive_entry_uid(entry));
  const auto gid = owner(::archive_entry_gid(entry));
  if (!uid || !gid) return fail(Errc::unsupported, "an owner that is no 32-bit number");
  item.uid = *uid;
  item.gid = *gid;
  return {};
}

bool is_ascending(archive_entry* entry) {
  la_int64_t end = 0, offset = 0, length = 0;
  for (int left = ::archive_entry_sparse_reset(entry); left > 0; --left) {
    if (::archive_entry_sparse_next(entry, &offset, &length) != ARCHIVE_OK) break;
    if (offset < end || length < 0) return false;
    end = offset + length;
  }
  return true;
}

// What libarchive reads otherwise than Go's archive/tar.
Result<> same_for_go(archive_entry* entry, const LayerItem& item) {
  if (item.type != EntryType::file && ::archive_entry_size(entry) > 0) {
    return fail(Errc::unsupported, "has content and is no regular file");
  }
  if (!is_ascending(entry)) return fail(Errc::unsupported, "a sparse map that goes backwards");
  // They change the mode that libarchive reports.
  if (::archive_entry_acl_types(entry) != 0) {
    return fail(Errc::unsupported, "has an access control list");
  }
  return {};
}

}  // namespace

Result<LayerItem> layer_item(archive_entry* entry, const LayerLimits& limits) {
  LayerItem item;
  item.path = TRY(clean_path(text_of(::archive_entry_pathname(entry)), limits));
  if (item.path.empty()) return item;  // the root, which is left as it is
  const auto type = entry_type(entry);
  if (!type) return fail(Errc::unsupported, "a type that is not known");
  item.type = *type;
  TRY(same_for_go(entry, item));
  TRY(owned(entry, item));
  item.mode = static_cast<::mode_t>(::archive_entry_perm(entry)) & 07777U;
  item.times = times_of(entry);
  item.attributes = TRY(attributes_of(entry));
  if (item.type == EntryType::file) {
    item.size = static_cast<std::uint64_t>(std::max<la_int64_t>(::archive_entry_size(entry), 0));
  } else if (item.type == EntryType::symlink) {
    item.target = text_of(::archive_entry_symlink(entry));
  } else if (item.type == EntryType::hard_link) {
    item.target = TRY(clean_path(text_of(::archive_entry_hardlink(entry)), limits));
  } else if (item.type != EntryType::directory && item.type != EntryType::fifo) {
    item.device = ::archive_entry_rdev(entry);
  }
  return item;
}

}  // namespace nodeproof
