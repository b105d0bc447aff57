#include "agent/smoke/seccomp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <set>

namespace nodeproof::smoke {
namespace {

std::set<std::string_view> named(const SeccompProfile& profile) {
  std::set<std::string_view> names;
  for (const SyscallRule& rule : profile.rules) names.insert(rule.names.begin(), rule.names.end());
  return names;
}

const SyscallRule& rule_of(const SeccompProfile& profile, std::string_view name) {
  return *std::ranges::find_if(profile.rules, [&](const SyscallRule& rule) {
    return std::ranges::find(rule.names, name) != rule.names.end();
  });
}

TEST(Seccomp, AllowsWhatTheSupervisorItselfCalls) {
  for (const char* architecture : {"amd64", "arm64"}) {
    const auto names = named(*seccomp_profile(architecture));
    for (const char* needed :
         {"openat2",   "close_range", "wait4",      "waitid",    "ptrace",   "prctl",
          "capset",    "setgroups",   "setresgid",  "setresuid", "setfsuid", "setfsgid",
          "signalfd4", "setitimer",   "pipe2",      "execve",    "setsid",   "kill",
          "dup3",      "ppoll",       "readlinkat", "clone",     "umask"}) {
      EXPECT_TRUE(names.contains(needed)) << architecture << " " << needed;
    }
  }
}

TEST(Seccomp, RefusesWhatReachesOutOfAContainer) {
  const auto names = named(*seccomp_profile("amd64"));
  for (const char* dangerous : {"mount",
                                "umount2",
                                "unshare",
                                "setns",
                                "bpf",
                                "perf_event_open",
                                "init_module",
                                "finit_module",
                                "delete_module",
                                "kexec_load",
                                "reboot",
                                "swapon",
                                "pivot_root",
                                "open_by_handle_at",
                                "add_key",
                                "keyctl",
                                "request_key",
                                "userfaultfd",
                                "ioperm",
                                "iopl",
                                "io_uring_setup",
                                "io_uring_enter",
                                "io_uring_register",
                                "syslog",
                                "acct",
                                "settimeofday",
                                "clock_settime",
                                "sethostname",
                                "quotactl",
                                "move_mount",
                                "fsopen"}) {
    EXPECT_FALSE(names.contains(dangerous)) << dangerous;
  }
}

TEST(Seccomp, KeepsNamespacesOutOfClone) {
  const auto profile = *seccomp_profile("arm64");
  const SyscallRule& clone = rule_of(profile, "clone");
  ASSERT_EQ(clone.arguments.size(), 1U);
  EXPECT_EQ(clone.arguments[0].value, 0x7e020000U);
  EXPECT_EQ(clone.arguments[0].value_two, 0U);
  EXPECT_EQ(rule_of(profile, "clone3").error, ENOSYS);
  EXPECT_EQ(rule_of(profile, "socket").arguments[0].comparison, Comparison::not_equal);
}

TEST(Seccomp, NamesEachCallOnceUnlessItsArgumentsDiffer) {
  std::set<std::string_view> seen;
  for (const SyscallRule& rule : seccomp_profile("amd64")->rules) {
    for (const std::string_view name : rule.names) {
      if (name != "personality") EXPECT_TRUE(seen.insert(name).second) << name;
    }
  }
}

TEST(Seccomp, DiffersByArchitectureOnlyWhereItMust) {
  EXPECT_TRUE(named(*seccomp_profile("amd64")).contains("arch_prctl"));
  EXPECT_FALSE(named(*seccomp_profile("arm64")).contains("arch_prctl"));
  EXPECT_TRUE(named(*seccomp_profile("arm64")).contains("sync_file_range2"));
  EXPECT_EQ(seccomp_profile("riscv64").error().code, Errc::unsupported);
}

}  // namespace
}  // namespace nodeproof::smoke
