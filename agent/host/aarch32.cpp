#include "agent/host/aarch32.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>

#include "agent/host/address_space.hpp"
#include "common/elf.hpp"
#include "common/file.hpp"

namespace nodeproof::host {
namespace {

constexpr std::uint32_t kBase = 0x100000;  // a multiple of 64K, above vm.mmap_min_addr
constexpr std::uint32_t kHeaders = 52 + 2 * 32;
constexpr std::uint32_t kSize = kHeaders + 3 * 4;

// ELF gABI, chapters 4 and 5; e_flags: EABI version 5, without which an arm64 kernel refuses it.
constexpr std::array<std::uint32_t, kSize / 4> kProgram = {
    0x464C457F,
    0x00010101,
    0,
    0,  // e_ident: ELFCLASS32, ELFDATA2LSB
    0x00280002,
    1,  // ET_EXEC, EM_ARM; EV_CURRENT
    kBase + kHeaders,
    52,
    0,  // e_entry, e_phoff, e_shoff
    0x05000000,
    0x00200034,  // e_flags; e_ehsize 52, e_phentsize 32
    0x00280002,
    0,  // e_phnum 2, e_shentsize 40; no sections
    1,
    0,
    kBase,
    kBase,
    kSize,
    kSize,
    5,
    0x10000,  // PT_LOAD, R+X, aligned to 64K
    0x6474E551,
    0,
    0,
    0,
    0,
    0,
    6,
    16,           // PT_GNU_STACK, R+W
    0xE3A07001,   // mov r7, #1    @ exit
    0xE3A0002A,   // mov r0, #42
    0xEF000000};  // svc #0
static_assert(sizeof(kProgram) == kSize);

constexpr unsigned kMfdExec = 0x10;  // MFD_EXEC, Linux 6.3
constexpr std::chrono::milliseconds kDeadline{2000};
constexpr char kTried = 't';

struct Pipe {
  UniqueFd read, write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<UniqueFd> in_memory(Bytes program) {
  // Older kernels refuse the flag; those that know it may refuse to run a file without it.
  UniqueFd file(::memfd_create("nodeproof-probe", MFD_CLOEXEC | kMfdExec));
  if (!file && errno == EINVAL) file.reset(::memfd_create("nodeproof-probe", MFD_CLOEXEC));
  if (!file) return fail_errno(errno, "memfd_create");
  const ssize_t written = ::write(file.get(), program.data(), program.size());
  if (written != static_cast<ssize_t>(program.size())) return fail_errno(errno, "memfd");
  return file;
}

long exec(int file) {
  std::array<char*, 1> nothing{nullptr};
  return ::syscall(SYS_execveat, file, "", nothing.data(), nothing.data(), AT_EMPTY_PATH);
}

// Between fork and exec: async-signal-safe calls only. `alive` stays open until the program ends.
[[noreturn]] void be_the_program(int file, int words, int alive, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::fcntl(alive, F_SETFD, 0);
  // Not 0: only 1 keeps a core_pattern that is a pipe from being told (core(5)).
  constexpr rlimit kNoCore{1, 1};
  ::setrlimit(RLIMIT_CORE, &kNoCore);
  // A system call filter that kills does it here, where it cannot be taken for the program's end.
  exec(-1);
  if (errno != EBADF) ::_exit(1);
  if (::write(words, &kTried, 1) != 1) ::_exit(1);
  exec(file);
  const int refused = errno;
  static_cast<void>(::write(words, &refused, sizeof refused));
  ::_exit(1);
}

// False: the deadline passed first.
bool wait_for_end(const UniqueFd& alive, std::chrono::milliseconds deadline) {
  const auto until = std::chrono::steady_clock::now() + deadline;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd end{alive.get(), POLLIN, 0};
    const int ready = ::poll(&end, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

// Of a child that is gone.
void read_words(const UniqueFd& words, Started& started) {
  std::array<char, 1 + sizeof(int)> said{};
  const ssize_t length = ::read(words.get(), said.data(), said.size());
  started.tried = length > 0 && said[0] == kTried;
  if (length == static_cast<ssize_t>(said.size())) {
    std::memcpy(&started.refused, &said[1], sizeof(int));
  }
}

}  // namespace

Bytes aarch32_program() { return std::as_bytes(std::span(kProgram)); }

Result<Started> start_from_memory(Bytes program, std::chrono::milliseconds deadline) {
  const UniqueFd file = TRY(in_memory(program));
  Pipe words = TRY(make_pipe());
  Pipe alive = TRY(make_pipe());
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return fail_errno(errno, "fork");
  if (child == 0) be_the_program(file.get(), words.write.get(), alive.write.get(), parent);
  words.write.reset();
  alive.write.reset();
  Started started;
  started.overdue = !wait_for_end(alive.read, deadline);
  if (started.overdue) ::kill(child, SIGKILL);
  while (::waitpid(child, &started.status, 0) < 0 && errno == EINTR) {
  }
  read_words(words.read, started);
  return started;
}

std::optional<bool> runs_aarch32(const Started& started) {
  if (!started.tried || started.overdue) return {};
  // Neither the kernel nor the processor takes the file. Whatever else is refused is refused by
  // somebody who does not know what is in it, or by a handler that cannot open it.
  if (started.refused != 0) {
    return started.refused == ENOEXEC ? std::optional(false) : std::nullopt;
  }
  if (WIFEXITED(started.status) && WEXITSTATUS(started.status) == kAarch32Exit) return true;
  // SystemCallArchitectures=native of our own unit ends it at its system call: it had run until
  // there.
  if (WIFSIGNALED(started.status) && WTERMSIG(started.status) == SIGSYS) return true;
  return {};
}

std::optional<bool> probe_aarch32(const HostFacts& facts) {
  if (facts.machine != "aarch64" || is_emulated("/")) return {};
  const auto takes_arm = [](const BinfmtHandler& handler) {
    return handler.enabled && handler.elf_machine == elf::kMachineArm;
  };
  if (std::ranges::any_of(facts.binfmt, takes_arm)) return {};
  const auto started = start_from_memory(aarch32_program(), kDeadline);
  return started ? runs_aarch32(*started) : std::nullopt;
}

}  // namespace nodeproof::host
