// The seccomp profile of smoke containers, as data and as the runtime-spec's linux.seccomp object.
//
// What the supervisor itself calls (openat2, close_range, wait4, ptrace of its own children, prctl,
// capset, setgroups, setresgid, setresuid, setfsuid, setfsgid, signalfd4, setitimer) is in
// containerd's default already: nothing is added. What it cannot do, its children cannot do either:
// a filter is inherited.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/json.hpp"

namespace nodeproof::smoke {

enum class Comparison { equal, not_equal, masked_equal };

struct SyscallArgument {
  unsigned index = 0;
  std::uint64_t value = 0, value_two = 0;  // masked_equal: (argument & value) == value_two
  Comparison comparison = Comparison::equal;
  friend bool operator==(const SyscallArgument&, const SyscallArgument&) = default;
};

struct SyscallRule {
  std::vector<std::string_view> names;
  std::vector<SyscallArgument> arguments;  // all must hold
  int error = 0;                           // 0 = allowed, else this errno
  friend bool operator==(const SyscallRule&, const SyscallRule&) = default;
};

struct SeccompProfile {                         // what no rule names is refused with EPERM
  std::vector<std::string_view> architectures;  // SCMP_ARCH_...
  std::vector<SyscallRule> rules;
  friend bool operator==(const SeccompProfile&, const SeccompProfile&) = default;
};

// architecture: GOARCH, amd64 or arm64; Errc::unsupported for another.
Result<SeccompProfile> seccomp_profile(std::string_view architecture);

void write(json::Writer& writer, const SeccompProfile& profile);

}  // namespace nodeproof::smoke
