#include "agent/smoke/trace.hpp"

#include <sys/fsuid.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <utility>

#include "agent/smoke/tracee.hpp"
#include "common/elf.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::uintptr_t kOptions = PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE |
                                    PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXIT;
constexpr std::size_t kMostBytes = 16;  // longer than any instruction of amd64 (15)

// ptrace(2) takes numbers as pointers.
void* as_pointer(std::uintptr_t number) {
  return reinterpret_cast<void*>(number);  // NOLINT(performance-no-int-to-ptr)
}

void go_on(pid_t pid, int signal) {
  ptrace(PTRACE_CONT, pid, nullptr, as_pointer(static_cast<std::uintptr_t>(signal)));
}

// Aligned words never cross into a page that is not mapped.
std::string bytes_at(pid_t pid, std::uint64_t address) {
  constexpr std::size_t kWord = sizeof(long);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (std::uint64_t at = address & ~(kWord - 1); hex.size() < 2 * kMostBytes; at += kWord) {
    errno = 0;
    const long word = ptrace(PTRACE_PEEKTEXT, pid, as_pointer(at), nullptr);
    if (errno != 0) break;
    std::array<unsigned char, kWord> bytes{};
    std::memcpy(bytes.data(), &word, kWord);
    for (std::size_t i = 0; i < kWord && hex.size() < 2 * kMostBytes; ++i) {
      if (at + i < address) continue;
      hex += kDigits[bytes[i] >> 4];
      hex += kDigits[bytes[i] & 15];
    }
  }
  return hex;
}

bool is_fault(int signal) {
  return signal == SIGILL || signal == SIGTRAP || signal == SIGBUS || signal == SIGFPE ||
         signal == SIGSEGV || signal == SIGSYS;
}

Fault describe_fault(pid_t pid, const siginfo_t& info) {
  Fault fault;
  fault.signal = info.si_signo;
  fault.code = info.si_code;
  if (info.si_code <= 0) return fault;  // sent by a process, no fault of an instruction
  fault.address = reinterpret_cast<std::uintptr_t>(info.si_addr);
  fault.instruction = registers_of(pid).counter;
  if (info.si_signo == SIGSYS) {
    fault.call = info.si_syscall;
    fault.arch = info.si_arch;
  } else if (fault.instruction != 0) {
    fault.bytes = bytes_at(pid, fault.instruction);
  }
  return fault;
}

struct Mapped {
  std::string path;  // "" = not readable
  struct stat stat{};
};

// /proc/PID/exe is shown to who has the process' own ids; we have no CAP_SYS_PTRACE.
Mapped mapped_by(pid_t pid, const User& user) {
  const std::string link = "/proc/" + std::to_string(pid) + "/exe";
  std::array<char, 4096> target{};
  Mapped mapped;
  setfsgid(user.gid);
  setfsuid(user.uid);
  const bool known = stat(link.c_str(), &mapped.stat) == 0;
  const ssize_t length = readlink(link.c_str(), target.data(), target.size());
  setfsuid(geteuid());
  setfsgid(getegid());
  if (known && length > 0) mapped.path.assign(target.data(), static_cast<std::size_t>(length));
  return mapped;
}

// Processors that run both kinds of program by themselves.
bool native_or_compatible(std::uint16_t machine) {
  if (machine == native_machine()) return true;
  return native_machine() == elf::kMachineX86_64 ? machine == elf::kMachine386
                                                 : machine == elf::kMachineArm;
}

}  // namespace

bool Trace::take(pid_t pid, int status) {
  if (WIFSTOPPED(status)) {
    stopped(pid, status);
    return false;
  }
  ended(pid, status);
  return true;
}

void Trace::stopped(pid_t pid, int status) {
  const int signal = WSTOPSIG(status), event = status >> 16;
  const bool is_new = tracees_.insert(pid).second;
  if (is_new && (pid == main_ || others_.erase(pid) > 0)) {
    if (pid == main_) followed_ = true;
    ptrace(PTRACE_SETOPTIONS, pid, nullptr, as_pointer(kOptions));
  }
  if (event == PTRACE_EVENT_EXEC) executed(pid);
  if (event == PTRACE_EVENT_EXIT) leaving(pid);
  if (event != 0 || (is_new && signal == SIGSTOP)) return go_on(pid, 0);
  siginfo_t info{};
  // EINVAL: no signal but a stop of its whole group, which a tracer of this kind cannot keep up.
  if (ptrace(PTRACE_GETSIGINFO, pid, nullptr, &info) != 0) return go_on(pid, 0);
  if (is_fault(signal)) last_fault_[pid] = describe_fault(pid, info);
  go_on(pid, signal);
}

// Here the address space and the registers are still there. A seccomp filter that kills shows no
// signal to a tracer before; its other threads end by the same status.
void Trace::leaving(pid_t pid) {
  peak_ = std::max(peak_, smoke::peak_memory(pid));
  unsigned long status = 0;
  if (ptrace(PTRACE_GETEVENTMSG, pid, nullptr, &status) != 0) return;
  const int ending = static_cast<int>(status);
  if (!WIFSIGNALED(ending) || WTERMSIG(ending) != SIGSYS || last_fault_.contains(pid)) return;
  const Registers registers = registers_of(pid);
  if (!registers.at_entry || registers.call < 0) return;
  for (auto& [other, fault] : last_fault_) {
    if (fault.signal != SIGSYS) continue;
    if (fault.call != registers.call) fault.call = -1;  // another thread's looks just like it
    return;
  }
  Fault fault;
  fault.signal = SIGSYS;
  fault.code = 1;  // SYS_SECCOMP
  fault.instruction = registers.counter;
  fault.call = registers.call;
  fault.arch = registers.arch;
  last_fault_[pid] = fault;
}

void Trace::ended(pid_t pid, int status) {
  tracees_.erase(pid);
  const auto found = last_fault_.find(pid);
  if (found == last_fault_.end()) return;
  Fault fault = std::move(found->second);
  last_fault_.erase(found);
  if (!WIFSIGNALED(status) || WTERMSIG(status) != fault.signal) return;
  fault.main = pid == main_;
  if (!fatal_ || fault.main) fatal_ = std::move(fault);
}

// The first program of main is known, so anything else in its place is an emulator. Of what is
// executed later only the file is known: one that its own name does not lead to is not of this
// image.
void Trace::executed(pid_t pid) {
  const bool first = pid == main_ && !std::exchange(executed_, true);
  const Mapped mapped = mapped_by(pid, user_);
  if (mapped.path.empty() || !mapped_.empty() || (first && expected_.path.empty())) return;
  const Root::Status known = root_.status(first ? expected_.path : mapped.path);
  if (known.error == 0 && known.stat.st_dev == mapped.stat.st_dev &&
      known.stat.st_ino == mapped.stat.st_ino)
    return;
  if (first || !mapped.path.ends_with(" (deleted)")) mapped_ = mapped.path;
}

std::string Trace::mapped() const {
  const bool foreign = expected_.machine != 0 && !native_or_compatible(expected_.machine);
  return mapped_.empty() && foreign ? "an emulator registered in binfmt_misc" : mapped_;
}

void Trace::kill_all() const {
  for (const pid_t pid : tracees_) kill(pid, SIGKILL);
}

}  // namespace nodeproof::smoke
