#include "agent/unpack/confine.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/unpack/attributes.hpp"
#include "agent/unpack/filter.hpp"
#include "agent/unpack/landlock.hpp"
#include "agent/unpack/rights.hpp"
#include "agent/unpack/snapshot.hpp"
#include "common/subprocess.hpp"

namespace nodeproof::unpack {
namespace {

constexpr rlim_t kMostFiles = 256;
constexpr rlim_t kMostSeconds = 1800;  // of a processor: a slow one's, for the largest layer
constexpr int kFirstOfOthers = 3;      // behind input, result and the errors

std::unexpected<Error> refused(const std::string& what, int error) {
  return fail(Errc::unsupported, what + ": " + std::strerror(error));
}

Result<> have_what_is_needed(Capabilities held) {
  const std::string names = missing(kToWrite | bit(CAP_SYS_CHROOT), held);
  if (names.empty()) return {};
  return fail(Errc::unsupported, "no right to write the files of a layer: " + names,
              "run nodeproof as root with these capabilities, or let containerd unpack");
}

bool is_same(int one, int other) {
  struct ::stat first{}, second{};
  return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

bool has_no_devices(int directory) {
  struct ::statvfs status{};
  constexpr unsigned long kWanted = ST_NODEV | ST_NOSUID | ST_NOEXEC;
  return ::fstatvfs(directory, &status) == 0 && (status.f_flag & kWanted) == kWanted;
}

// Namespaces of its own, as far as the kernel has them and the rights allow it; true when mounts in
// it are seen by nobody else. MS_SLAVE, so that what the host unmounts is not held here.
bool leave_namespaces(Capabilities held) {
  if ((held & kToMount) == 0 || ::unshare(CLONE_NEWNS) != 0) return false;
  for (const int kind : {CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS}) {
    static_cast<void>(::unshare(kind));  // the filter stands before it as well
  }
  return ::mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr) == 0;
}

// The place, mounted on itself once more, without devices, setuid and programs.
bool mount_again(Snapshot& place) {
  constexpr unsigned long kFlags = MS_REMOUNT | MS_BIND | MS_NODEV | MS_NOSUID | MS_NOEXEC;
  if (::fchdir(place.directory.get()) != 0) return false;
  if (::mount(".", ".", nullptr, MS_BIND, nullptr) != 0) return false;
  // From the parent by name: what was open before lies below the mount.
  UniqueFd mounted(::openat(place.parent.get(), place.name.c_str(),
                            O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!mounted || !is_same(mounted.get(), place.directory.get())) return false;
  if (::fchdir(mounted.get()) != 0) return false;
  if (::mount(nullptr, ".", nullptr, kFlags, nullptr) != 0) return false;
  place.directory = std::move(mounted);
  return has_no_devices(place.directory.get());
}

Result<> make_root(int directory) {
  if (::fchdir(directory) != 0) return fail_errno(errno, "entering the snapshot's directory");
  if (::chroot(".") != 0) return refused("chroot", errno);
  if (::chdir("/") != 0) return fail_errno(errno, "entering the snapshot's directory");
  return {};
}

Result<> set_limits() {
  struct Limit {
    decltype(RLIMIT_CORE) what;
    rlim_t most;
  };
  for (const Limit& limit : {Limit{RLIMIT_CORE, 0}, Limit{RLIMIT_NOFILE, kMostFiles},
                             Limit{RLIMIT_NPROC, 0}, Limit{RLIMIT_CPU, kMostSeconds}}) {
    constexpr rlim_t kToSayIt = 5;  // SIGXCPU comes at the first, SIGKILL at the second
    const rlimit both{limit.most, limit.what == RLIMIT_CPU ? limit.most + kToSayIt : limit.most};
    if (::setrlimit(limit.what, &both) != 0) return refused("setting a limit", errno);
  }
  return {};
}

Result<> drop(bool devices) {
  TRY(keep_only(devices ? kToWrite | bit(CAP_MKNOD) : kToWrite));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("no_new_privs", errno);
  const UniqueFd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return fail_errno(errno, "opening the snapshot's directory");
  // Best effort: chroot and the filter hold without it.
  static_cast<void>(fence(root.get(), devices));
  return {};
}

}  // namespace

Result<> confine(const std::string& directory, bool empty) {
  const Capabilities held = TRY(capabilities());
  TRY(have_what_is_needed(held));
  ::umask(0);
  const bool alone = leave_namespaces(held);
  // Only now: a directory that was open before belongs to the host's mounts, where none is made.
  Snapshot place = TRY(open_snapshot(directory));
  if (empty && !TRY(is_empty(place.directory.get()))) {
    return fail(Errc::unsupported, directory + " has something in it already");
  }
  const bool devices = alone && mount_again(place);
  TRY(make_root(place.directory.get()));
  place = {};
  close_descriptors_from(kFirstOfOthers);
  TRY(set_limits());
  TRY(drop(devices));
  return allow_only_files();
}

}  // namespace nodeproof::unpack
