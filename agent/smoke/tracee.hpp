// What a stopped process that we trace shows of itself.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace nodeproof::smoke {

struct Registers {
  std::uint64_t counter = 0;  // of the program; 0 = a 32-bit process, or not readable
  int call = -1;              // number of the system call it came by; -1 = not readable
  std::uint32_t arch = 0;     // AUDIT_ARCH_*, whose numbers these are
  bool at_entry = false;      // of that call: it is neither under way nor done
};

[[nodiscard]] Registers registers_of(pid_t pid);

// The most memory that its address space held at once, KiB; 0 = not known.
[[nodiscard]] std::uint64_t peak_memory(pid_t pid);

}  // namespace nodeproof::smoke
