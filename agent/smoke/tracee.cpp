#include "agent/smoke/tracee.hpp"

#include <elf.h>
#include <linux/audit.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#if defined(__aarch64__)
#include <asm/ptrace.h>
#endif

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>

#include "common/file.hpp"

namespace nodeproof::smoke {
namespace {

// Of a 32-bit process the kernel gives its own, shorter layout: the words named here.
#if defined(__x86_64__)
using Native = user_regs_struct;
constexpr std::uint32_t kArch = AUDIT_ARCH_X86_64, kNarrowArch = AUDIT_ARCH_I386;
constexpr std::size_t kNarrowCall = 11;  // orig_eax of user_regs_struct32
std::uint64_t counter_in(const Native& registers) { return registers.rip; }
int call_in(const Native& registers) { return static_cast<int>(registers.orig_rax); }
// Where a filter refused it the kernel has put its number back (syscall_rollback), or not yet taken
// it away.
bool at_entry(pid_t, const Native& registers) {
  const auto result = static_cast<std::int64_t>(registers.rax);
  return registers.rax == registers.orig_rax || result == -ENOSYS;
}
// int $0x80 from 64-bit code is rare enough to be taken for syscall.
#else
using Native = user_pt_regs;
constexpr std::uint32_t kArch = AUDIT_ARCH_AARCH64, kNarrowArch = AUDIT_ARCH_ARM;
constexpr std::size_t kNarrowCall = 7;  // r7
std::uint64_t counter_in(const Native& registers) { return registers.pc; }
int call_in(const Native& registers) { return static_cast<int>(registers.regs[8]); }
// A call that was interrupted is made again: the counter stands before its svc, not behind it.
bool at_entry(pid_t pid, const Native& registers) {
  constexpr std::uint32_t kSvc = 0xd4000001;
  errno = 0;
  const auto place =
      reinterpret_cast<void*>(registers.pc - 4);  // NOLINT(performance-no-int-to-ptr)
  const long word = ptrace(PTRACE_PEEKTEXT, pid, place, nullptr);
  return errno == 0 && static_cast<std::uint32_t>(word) == kSvc;
}
#endif

}  // namespace

Registers registers_of(pid_t pid) {
  std::array<char, sizeof(Native)> bytes{};
  iovec area{bytes.data(), bytes.size()};
  const auto set = reinterpret_cast<void*>(NT_PRSTATUS);  // NOLINT(performance-no-int-to-ptr)
  if (ptrace(PTRACE_GETREGSET, pid, set, &area) != 0) return {};
  if (area.iov_len == sizeof(Native)) {
    Native native{};
    std::memcpy(&native, bytes.data(), sizeof(native));
    return {.counter = counter_in(native),
            .call = call_in(native),
            .arch = kArch,
            .at_entry = at_entry(pid, native)};
  }
  std::uint32_t call = 0;
  if (area.iov_len < (kNarrowCall + 1) * sizeof(call)) return {};
  std::memcpy(&call, bytes.data() + (kNarrowCall * sizeof(call)), sizeof(call));
  return {.counter = 0, .call = static_cast<int>(call), .arch = kNarrowArch, .at_entry = true};
}

std::uint64_t peak_memory(pid_t pid) {
  constexpr std::string_view kKey = "\nVmHWM:";
  const std::string text =
      read_file("/proc/" + std::to_string(pid) + "/status", 64 << 10).value_or("");
  const std::size_t at = text.find(kKey);
  if (at == text.npos) return 0;
  const std::size_t digit = text.find_first_not_of(" \t", at + kKey.size());
  std::uint64_t kib = 0;
  if (digit != text.npos) std::from_chars(text.data() + digit, text.data() + text.size(), kib);
  return kib;
}

}  // namespace nodeproof::smoke
