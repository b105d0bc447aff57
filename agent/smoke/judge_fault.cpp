#include "agent/smoke/judge_fault.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

#include "agent/codes.hpp"
#include "agent/smoke/instruction.hpp"
#include "agent/smoke/program.hpp"
#include "agent/smoke/syscall_names.hpp"
#include "common/elf.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::uint64_t kFirstPage = 4096;

// Values of si_code (asm-generic/siginfo.h); not all of them are in Debian 12's headers.
constexpr int kMemoryTags = 8, kMemoryTagsNow = 9, kShadowStack = 10;

struct CodeWords {
  int signal, code;
  std::string_view says, remedy;
};

constexpr auto kCodeWords = std::to_array<CodeWords>({
    {SIGBUS, BUS_ADRALN, "an access to memory that is not aligned",
     "the program counts on a processor that forgives this one: take a fixed version of it"},
    {SIGBUS, BUS_ADRERR,
     "an access beyond the end of a mapped file: the file is shorter than the program believes, or "
     "its file system (/dev/shm, /tmp) is full",
     "look for a file that was cut short, and for what the program keeps in /dev/shm and /tmp"},
    {SIGBUS, BUS_OBJERR, "an error of the device behind the memory",
     "look at the kernel log for errors of the disk"},
    {SIGBUS, BUS_MCEERR_AR, "memory of this machine that is defective",
     "look at the kernel log and test the machine's memory"},
    {SIGFPE, FPE_INTDIV, "an integer division by zero, or one whose result is too large", ""},
    {SIGFPE, FPE_INTOVF, "an integer overflow", ""},
    {SIGFPE, FPE_FLTDIV, "a floating-point division by zero", ""},
    {SIGSEGV, SEGV_PKUERR, "an access that a memory protection key forbids", ""},
    {SIGSEGV, kMemoryTags, "an access with a wrong memory tag (MTE)", ""},
    {SIGSEGV, kMemoryTagsNow, "an access with a wrong memory tag (MTE)", ""},
    {SIGSEGV, kShadowStack, "a return address that is not on the shadow stack", ""},
    {SIGSEGV, SI_KERNEL,
     "an address that no program can have, or vector data in memory that is not aligned", ""},
});

std::string hex(std::uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  do {
    text.insert(text.begin(), kDigits[value & 15]);
    value >>= 4;
  } while (value != 0);
  return "0x" + text;
}

std::string fault_text(const Fault& fault) {
  std::string text = signal_name(fault.signal) + " at " + hex(fault.instruction);
  if (fault.signal == SIGSYS) return text;
  if (fault.signal != SIGILL && fault.signal != SIGTRAP) text += ", address " + hex(fault.address);
  return text +
         (fault.bytes.empty() ? ", instruction not readable" : ", instruction " + fault.bytes);
}

// The first extension that the instruction needs and this processor does not list.
std::string_view missing_extension(const Instruction& instruction, const HostFacts& host) {
  for (const std::string_view extension : instruction.extensions) {
    if (std::ranges::find(host.hwcaps, extension) == host.hwcaps.end()) return extension;
  }
  return {};
}

void explain_instruction(const Fault& fault, const HostFacts& host, FaultWords& words) {
  const Instruction instruction = decode_instruction(native_machine(), fault.bytes);
  const std::string_view extension = missing_extension(instruction, host);
  std::string what(instruction.what);
  // On amd64 int3 is a trap, and so the counter is behind it already.
  if (what.empty() && fault.signal == SIGTRAP) what = "a deliberate trap";
  if (extension.empty() || fault.signal != SIGILL) {
    if (!what.empty()) words.reason += ": " + what;
    return;
  }
  const bool arm = native_machine() == elf::kMachineAArch64;
  words.code = code::kMissingIsaExtension;
  words.reason += ": this processor lacks " + what + (arm ? " (HWCAP " : " (cpuinfo's ") +
                  std::string(extension) + ")";
  words.evidence += " (" + what + ")";
  words.remedy =
      "take an image built for this processor, or one that asks the processor before it uses " +
      what;
}

void explain_call(const Fault& fault, FaultWords& words) {
  words.code = code::kSyscallRefused;
  words.reason += ": a seccomp filter ends programs that call ";
  if (fault.call >= 0) {
    const std::string name = syscall_name(fault.arch, fault.call);
    words.reason += name;
    words.evidence += ", system call " + name;
  } else {
    words.reason += "what one of its threads called";
  }
  words.remedy =
      "nodeproof's own filter ends nothing, it answers EPERM: the program, or what it starts, has "
      "installed a filter that does not know this architecture's or this C library's calls; update "
      "it, or turn its own sandbox off";
}

void explain_address(const Fault& fault, FaultWords& words) {
  const auto known = std::ranges::find_if(kCodeWords, [&](const CodeWords& one) {
    return one.signal == fault.signal && one.code == fault.code;
  });
  if (known != kCodeWords.end()) {
    words.reason += ": " + std::string(known->says);
    words.remedy = known->remedy;
  } else if (fault.signal == SIGSEGV) {
    const bool jump = fault.address == fault.instruction;
    words.reason += std::string(": ") + (jump ? "a jump to" : "an access to");
    words.reason +=
        fault.address < kFirstPage ? " a null pointer" : " memory it may not use this way";
  }
  if (fault.signal == SIGBUS && fault.code == BUS_ADRALN) words.code = code::kUnalignedAccess;
}

}  // namespace

std::string signal_name(int signal) {
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(signal);
}

FaultWords explain_fault(const Fault& fault, const HostFacts& host) {
  const std::string name = signal_name(fault.signal);
  FaultWords words{.code = code::kProgramCrashed,
                   .reason = (fault.main ? "died of " : "a process it started died of ") + name,
                   .evidence = fault_text(fault),
                   .remedy = ""};
  if (fault.signal == SIGILL || fault.signal == SIGTRAP) explain_instruction(fault, host, words);
  if (fault.signal == SIGSYS) explain_call(fault, words);
  if (fault.signal == SIGBUS || fault.signal == SIGSEGV || fault.signal == SIGFPE)
    explain_address(fault, words);
  return words;
}

}  // namespace nodeproof::smoke
