#include "agent/unpack/filter.hpp"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "agent/unpack/sanitized.hpp"

namespace nodeproof::unpack {
namespace {

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Release>;

// Calls that one of the architectures does not have are no error: libseccomp leaves them out.
constexpr std::string_view kAllowed =
    // the pipes, and files once they are open
    "read readv pread64 write writev pwrite64 lseek close fstat ftruncate fallocate fsync "
    "fdatasync fchmod fchown fgetxattr flistxattr fsetxattr fremovexattr fchdir fstatfs "
    "getdents64 dup "
    // by name, below the root that it has
    "open openat openat2 creat stat lstat newfstatat statx access faccessat faccessat2 mkdir "
    "mkdirat "
    "mknod mknodat link linkat symlink symlinkat unlink unlinkat rmdir rename renameat "
    "renameat2 readlink readlinkat chmod fchmodat chown lchown fchownat utime utimes futimesat "
    "utimensat truncate chdir getcwd umask setxattr lsetxattr getxattr lgetxattr listxattr "
    "llistxattr removexattr lremovexattr "
    // memory and time; who and what it is
    "brk munmap mremap madvise futex clock_gettime gettimeofday time getrandom getpid gettid "
    "getuid geteuid getgid getegid sched_yield "
    // the end, and what a stop by SIGSTOP comes back with
    "exit exit_group rt_sigreturn rt_sigprocmask restart_syscall";

// A sanitizer's own: its stacks, its pages, and the report it ends with.
constexpr std::string_view kOfSanitizers =
    "rt_sigaction sigaltstack sched_getaffinity prctl getrlimit prlimit64 nanosleep kill tgkill "
    "clock_nanosleep pipe pipe2";

// What may be asked of an open file; none of them reaches another process.
constexpr std::array<unsigned, 6> kFcntl{F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD,
                                         F_SETFD, F_GETFL,         F_SETFL};

bool allow_all(scmp_filter_ctx filter, std::string_view names) {
  for (std::size_t begin = 0; begin < names.size();) {
    const std::size_t end = std::min(names.find(' ', begin), names.size());
    const int number =
        seccomp_syscall_resolve_name(std::string(names.substr(begin, end - begin)).c_str());
    begin = end + 1;
    if (number == __NR_SCMP_ERROR) continue;  // newer than the library: nobody calls it either
    if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0) != 0) return false;
  }
  return true;
}

bool allow_if(scmp_filter_ctx filter, int call, const scmp_arg_cmp& argument) {
  return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &argument) == 0;
}

bool fill(scmp_filter_ctx filter) {
  // A search tree: the calls of a file are asked for a million times.
  bool done = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0;
  done = done && allow_all(filter, kAllowed);
  if constexpr (kSanitizer) done = done && allow_all(filter, kOfSanitizers);
  for (const unsigned command : kFcntl) {
    done = done && allow_if(filter, SCMP_SYS(fcntl), {1, SCMP_CMP_EQ, command, 0});
  }
  // Memory that is no code.
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
    done = done && allow_if(filter, call, {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0});
  }
  return done;
}

}  // namespace

Result<> allow_only_files() {
  Filter filter(seccomp_init(SCMP_ACT_KILL_PROCESS));
  if (!filter) filter.reset(seccomp_init(SCMP_ACT_KILL));  // Linux before 4.14; one thread is all
  if (!filter || !fill(filter.get())) {
    return fail(Errc::unsupported, "the filter of system calls cannot be made");
  }
  const int error = -seccomp_load(filter.get());
  if (error == 0) return {};
  return fail(Errc::unsupported, "this kernel takes no filter of system calls",
              "a kernel with CONFIG_SECCOMP_FILTER is needed");
}

}  // namespace nodeproof::unpack
