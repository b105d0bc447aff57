#include "agent/cli/lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <sstream>
#include <string>

namespace nodeproof::cli {
namespace {

// As the kernel names a locked inode: device in hexadecimal, number in decimal.
std::string name_in_locks(const struct stat& facts) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%02x:%02x:%llu", major(facts.st_dev),
                minor(facts.st_dev), static_cast<unsigned long long>(facts.st_ino));
  return text.data();
}

// "" when nobody tells, as for a process outside of this pid namespace.
std::string holder_of(const UniqueFd& fd) {
  struct stat facts{};
  if (::fstat(fd.get(), &facts) != 0) return {};
  const std::string wanted = name_in_locks(facts);
  std::istringstream lines(read_file("/proc/locks").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    // 7: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF
    std::istringstream words(line);
    std::string number, kind, mode, access, pid, inode;
    words >> number >> kind >> mode >> access >> pid >> inode;
    if (kind == "FLOCK" && inode == wanted && pid != "0") return pid;
  }
  return {};
}

// Whoever can open a folder can lock it. A kubelet makes a pod's hostPath for everybody to read.
Result<> keep_private(const UniqueFd& folder, const std::filesystem::path& path) {
  struct stat facts{};
  if (::fstat(folder.get(), &facts) != 0) return fail_errno(errno, path.string());
  if ((facts.st_mode & 077U) == 0 || facts.st_uid != ::geteuid()) return {};
  if (::fchmod(folder.get(), facts.st_mode & 0700U) == 0 || errno == EROFS) return {};
  return fail_errno(errno, path.string());
}

}  // namespace

Result<InstanceLock> InstanceLock::take(const std::filesystem::path& state_dir) {
  UniqueFd fd(::open(state_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, state_dir.string());
  TRY(keep_private(fd, state_dir));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return InstanceLock(std::move(fd));
  if (errno != EWOULDBLOCK) return fail_errno(errno, state_dir.string());
  const std::string pid = holder_of(fd);
  return fail(Errc::busy,
              "another nodeproof (pid " + (pid.empty() ? std::string("unknown") : pid) +
                  ") is at work on this node",
              "wait for it to end, or ask it: nodeproof status");
}

}  // namespace nodeproof::cli
