#include "agent/unpack/adopt.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/unpack/attributes.hpp"
#include "agent/unpack/refusal.hpp"
#include "agent/unpack/rights.hpp"
#include "agent/unpack/snapshot.hpp"
#include "agent/unpack/walk.hpp"

namespace nodeproof::unpack {
namespace {

Result<UniqueFd> open_again(const Snapshot& snapshot) {
  UniqueFd fd(::openat(snapshot.directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return refuse_errno(errno, "opening a snapshot");
  return fd;
}

Result<Snapshot> open_overlay(const std::string& path) {
  Snapshot snapshot = TRY(open_snapshot(path));
  if (!snapshot.overlay) return fail(Errc::unsupported, path + " is no snapshot of overlayfs");
  return snapshot;
}

// What mkdir(2) gives a directory in one with setgid: containerd's applier had copied that before.
Result<> take_group(int implied) {
  struct ::stat parent{};
  if (::fstatat(implied, "..", &parent, 0) != 0) return fail_errno(errno, "reading a directory");
  if ((parent.st_mode & S_ISGID) == 0) return {};
  constexpr auto kAsItIs = static_cast<::uid_t>(-1);
  if (::fchown(implied, kAsItIs, parent.st_gid) != 0) return refuse_errno(errno, "setting a group");
  return {};
}

// As containerd's mkparent: the first layer below that has the path decides. true: it is done.
Result<bool> copy_from_below(int implied, const std::string& path,
                             const std::vector<UniqueFd>& lower) {
  for (const UniqueFd& layer : lower) {
    Result<Found> found = find_directory(layer.get(), path);
    if (!found) {  // a file in the middle of the path, say: there containerd's applier stops too
      return fail(Errc::unsupported, "the layers below: " + found.error().message);
    }
    if (found->kind == Found::Kind::other) return false;
    if (found->kind == Found::Kind::directory) {
      const Result<> copied = copy_attributes(found->directory.get(), implied);
      return copied ? Result<bool>(true) : std::unexpected(copied.error());
    }
  }
  return false;
}

// A parent with an entry of its own has passed its group on when the directory was made.
bool parent_is_implied(const std::string& path, const std::vector<std::string>& implied) {
  const std::size_t slash = path.rfind('/');
  return slash != std::string::npos && std::ranges::binary_search(implied, path.substr(0, slash));
}

Result<UniqueFd> open_staged(int staged, const std::string& path) {
  UniqueFd fd = open_below(staged, path, O_RDONLY | O_DIRECTORY);
  if (fd) return fd;
  return fail(Errc::unsupported, path + " in the layer: " + std::strerror(errno));
}

Result<> complete(int staged, const UnpackedLayer& layer, const std::vector<UniqueFd>& lower) {
  for (const std::string& path : layer.implied) {
    const UniqueFd directory = TRY(open_staged(staged, path));
    const bool copied = TRY(copy_from_below(directory.get(), path, lower));
    if (!copied && parent_is_implied(path, layer.implied)) TRY(take_group(directory.get()));
  }
  for (const std::string& path : layer.opaque) {
    const UniqueFd directory = TRY(open_staged(staged, path));
    if (::fsetxattr(directory.get(), "trusted.overlay.opaque", "y", 1, 0) != 0) {
      return refuse_errno(errno, "marking " + path + " as opaque");
    }
  }
  return {};
}

Result<> be_empty(int directory, const std::string& path) {
  if (TRY(is_empty(directory))) return {};
  return fail(Errc::unsupported, path + " is not empty");
}

// What overlayfs gave the place (the owner of the layer below it) is the layer's now.
Result<> copy_owner_and_mode(int place, int staged) {
  struct ::stat status{};
  if (::fstat(place, &status) != 0) return fail_errno(errno, "reading a snapshot");
  if (::fchown(staged, status.st_uid, status.st_gid) != 0 ||
      ::fchmod(staged, status.st_mode & 07777) != 0) {
    return refuse_errno(errno, "giving a snapshot its owner");
  }
  return {};
}

Result<> exchange(const Snapshot& staged, const Snapshot& place) {
  if (::syscall(SYS_renameat2, staged.parent.get(), staged.name.c_str(), place.parent.get(),
                place.name.c_str(), RENAME_EXCHANGE) == 0) {
    return {};
  }
  const int error = errno == EINVAL || errno == ENOSYS ? EPERM : errno;
  return refuse_errno(error, "exchanging two snapshots' directories");
}

// What this process does not need for it.
Result<> keep_little() {
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  constexpr rlim_t kMostSeconds = 600;
  const rlimit most{kMostSeconds, kMostSeconds + 5};
  ::setrlimit(RLIMIT_CPU, &most);
  return keep_only(kToWrite | kToMount);
}

}  // namespace

Result<> adopt(const Adoption& adoption) {
  TRY(keep_little());
  const Snapshot staged = TRY(open_overlay(adoption.staged));
  const Snapshot place = TRY(open_overlay(adoption.place));
  if (staged.root != place.root) {
    return fail(Errc::unsupported, "two snapshots of different snapshotters");
  }
  std::vector<UniqueFd> lower;
  for (const std::string& path : adoption.lower) {
    const Snapshot below = TRY(open_overlay(path));
    lower.push_back(TRY(open_again(below)));
  }
  const UniqueFd layer = TRY(open_again(staged));
  const UniqueFd empty = TRY(open_again(place));
  TRY(be_empty(empty.get(), adoption.place));
  TRY(complete(layer.get(), adoption.layer, lower));
  TRY(copy_owner_and_mode(empty.get(), layer.get()));
  return exchange(staged, place);
}

}  // namespace nodeproof::unpack
