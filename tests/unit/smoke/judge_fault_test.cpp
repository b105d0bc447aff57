#include "agent/smoke/judge_fault.hpp"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <sys/syscall.h>

#include <csignal>

#include "agent/codes.hpp"
#include "agent/smoke/syscall_names.hpp"

namespace nodeproof::smoke {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArch = AUDIT_ARCH_X86_64;
constexpr const char* kVector = "62f17d48efc0";
constexpr const char* kLacks = "this processor lacks AVX-512 (cpuinfo's avx512f)";
constexpr const char* kTrap = "cc";
#else
constexpr std::uint32_t kArch = AUDIT_ARCH_AARCH64;
constexpr const char* kVector = "400021b8";  // ldadd
constexpr const char* kLacks = "this processor lacks LSE atomics (HWCAP atomics)";
constexpr const char* kTrap = "200020d4";  // brk #1
#endif

struct Case {
  int signal, code;
  std::uint64_t address;
  std::string_view says, finding = code::kProgramCrashed;
};

TEST(ExplainFault, TellsTheCausesOfASignalApart) {
  const HostFacts host;
  const Case cases[] = {
      {SIGBUS, BUS_ADRALN, 0x1001, "not aligned", code::kUnalignedAccess},
      {SIGBUS, BUS_ADRERR, 0x1000, "beyond the end of a mapped file"},
      {SIGBUS, BUS_MCEERR_AR, 0x1000, "memory of this machine that is defective"},
      {SIGSEGV, SEGV_MAPERR, 8, "an access to a null pointer"},
      {SIGSEGV, SEGV_MAPERR, 0x400000, "a jump to memory it may not use"},
      {SIGSEGV, SEGV_ACCERR, 0x500000, "an access to memory it may not use"},
      {SIGSEGV, SI_KERNEL, 0, "an address that no program can have"},
      {SIGSEGV, 9, 0x500000, "memory tag"},
      {SIGFPE, FPE_INTDIV, 0x400000, "division by zero"},
  };
  for (const Case& one : cases) {
    const FaultWords words =
        explain_fault({one.signal, one.code, one.address, 0x400000, "90", true}, host);
    EXPECT_EQ(words.code, one.finding) << one.says;
    EXPECT_NE(words.reason.find(one.says), std::string::npos) << words.reason;
    EXPECT_TRUE(words.reason.starts_with("died of " + signal_name(one.signal))) << words.reason;
  }
}

TEST(ExplainFault, NamesTheExtensionAndWhereThisProcessorWouldListIt) {
  HostFacts host;
  const Fault fault{SIGILL, ILL_ILLOPC, 0x400000, 0x400000, kVector, false};
  const FaultWords words = explain_fault(fault, host);
  EXPECT_EQ(words.code, code::kMissingIsaExtension);
  EXPECT_EQ(words.reason, std::string("a process it started died of SIGILL: ") + kLacks);
  host.hwcaps = {"atomics", "avx512f"};
  EXPECT_EQ(explain_fault(fault, host).code, code::kProgramCrashed);
}

TEST(ExplainFault, KnowsADeliberateTrap) {
  const FaultWords words = explain_fault({SIGTRAP, SI_KERNEL, 0, 0x400000, kTrap, true}, {});
  EXPECT_EQ(words.code, code::kProgramCrashed);
#if defined(__aarch64__)
  EXPECT_NE(words.reason.find("a deliberate trap (brk)"), std::string::npos) << words.reason;
#else
  EXPECT_NE(words.reason.find("a deliberate trap"), std::string::npos) << words.reason;
#endif
}

TEST(ExplainFault, NamesTheCallOfASeccompFilter) {
  const FaultWords words = explain_fault({SIGSYS, 1, 0, 0x400000, "", true, SYS_clone3, kArch}, {});
  EXPECT_EQ(words.code, code::kSyscallRefused);
  EXPECT_NE(words.reason.find("clone3"), std::string::npos) << words.reason;
  EXPECT_NE(words.evidence.find("system call clone3"), std::string::npos) << words.evidence;
  const FaultWords unknown = explain_fault({SIGSYS, 1, 0, 0x400000, "", true, -1, kArch}, {});
  EXPECT_EQ(unknown.reason.find("call number"), std::string::npos) << unknown.reason;
}

TEST(SyscallName, KnowsTheKernelsTablesOfThisProcessor) {
  EXPECT_EQ(syscall_name(kArch, SYS_openat), "openat");
  EXPECT_EQ(syscall_name(kArch, SYS_mmap), "mmap");
  EXPECT_EQ(syscall_name(kArch, SYS_fcntl), "fcntl");
  EXPECT_EQ(syscall_name(kArch, 9999), "call number 9999");
  EXPECT_EQ(syscall_name(0, 1), "call number 1");
#if defined(__x86_64__)
  EXPECT_EQ(syscall_name(AUDIT_ARCH_I386, 20), "i386's getpid");
  EXPECT_EQ(syscall_name(AUDIT_ARCH_X86_64, 0x40000000 + 520), "x32's execve");
#else
  EXPECT_EQ(syscall_name(AUDIT_ARCH_ARM, 20), "32-bit Arm's call number 20");
#endif
}

}  // namespace
}  // namespace nodeproof::smoke
