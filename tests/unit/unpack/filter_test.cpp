// The system calls that a writer has not, each tried from the inside.
#include "agent/unpack/filter.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

#include "tests/unit/unpack/rig.hpp"

namespace nodeproof::unpack {
namespace {

using Attempt = void (*)();
template <Attempt attempt>
Result<UnpackedLayer> attempting(ByteReader& /*input*/, Whiteouts /*whiteouts*/) {
  attempt();
  return fail(Errc::usage, "it came back");
}

struct Forbidden {
  const char* name;
  WriteLayer write;
};

void open_socket() { ::socket(AF_INET, SOCK_STREAM, 0); }
void open_unix_socket() { ::socket(AF_UNIX, SOCK_STREAM, 0); }
void run_program() { ::execl("/bin/true", "true", nullptr); }
void fork_process() { ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }
void mount_proc() { ::mount("proc", "/", "proc", 0, nullptr); }
void trace_parent() { ::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr); }
void ask_device() { ::ioctl(0, 0x5401, nullptr); }
void leave_root() { static_cast<void>(::chroot("..")); }
void leave_namespace() { ::unshare(CLONE_NEWUSER); }
void become_other() { static_cast<void>(::setuid(1000)); }
void make_code() {
  void* const page =
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  static_cast<void>(page);
}
void turn_into_code() {
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ::mprotect(page, 4096, PROT_READ | PROT_EXEC);
}
void open_by_handle() { ::syscall(SYS_open_by_handle_at, AT_FDCWD, nullptr, 0); }
void load_bpf() { ::syscall(SYS_bpf, 0, nullptr, 0); }
void use_io_uring() { ::syscall(SYS_io_uring_setup, 1, nullptr); }
void read_other_memory() { ::syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0); }
void load_module() { ::syscall(SYS_init_module, nullptr, 0, ""); }

constexpr Forbidden kForbidden[] = {
    {"Socket", attempting<open_socket>},
    {"UnixSocket", attempting<open_unix_socket>},
    {"Program", attempting<run_program>},
    {"Process", attempting<fork_process>},
    {"Mount", attempting<mount_proc>},
    {"Trace", attempting<trace_parent>},
    {"Ioctl", attempting<ask_device>},
    {"Chroot", attempting<leave_root>},
    {"Namespace", attempting<leave_namespace>},
    {"User", attempting<become_other>},
    {"Code", attempting<make_code>},
    {"DataAsCode", attempting<turn_into_code>},
    {"FileByHandle", attempting<open_by_handle>},
    {"Bpf", attempting<load_bpf>},
    {"IoUring", attempting<use_io_uring>},
    {"MemoryOfOthers", attempting<read_other_memory>},
    {"KernelModule", attempting<load_module>},
};

class WriterMayNotUse : public testing::TestWithParam<Forbidden> {};

TEST_P(WriterMayNotUse, AndEndsWhenItTries) {
  SKIP_WHERE_LAYERS_CANNOT_BE_WRITTEN();
  const auto outcome = outcome_of(GetParam().write);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(Errc::internal, outcome.error().code) << outcome.error().message;
  EXPECT_NE(std::string::npos, outcome.error().message.find("SIGSYS")) << outcome.error().message;
}

INSTANTIATE_TEST_SUITE_P(Calls, WriterMayNotUse, testing::ValuesIn(kForbidden),
                         [](const auto& call) { return std::string(call.param.name); });

}  // namespace
}  // namespace nodeproof::unpack
