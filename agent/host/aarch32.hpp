// Does this arm64 host run 32-bit Arm programs? No model name tells it: the processor, the kernel's
// configuration and a virtual machine's settings all have a say, so one is started.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "agent/model.hpp"
#include "common/bytes.hpp"

namespace nodeproof::host {

// A static ELF32 program for Arm that ends with kAarch32Exit at once.
[[nodiscard]] Bytes aarch32_program();
inline constexpr int kAarch32Exit = 42;

// What became of a program that was started from memory.
struct Started {
  bool tried = false;    // execveat(2) may be called here
  int refused = 0;       // its errno; 0 = the program took over
  bool overdue = false;  // it was ended at the deadline
  int status = 0;        // of waitpid(2)
  friend bool operator==(const Started&, const Started&) = default;
};

// In a child, which is gone when this returns. The program's file is closed on exec, so that the
// kernel gives it to no binfmt_misc interpreter. Errors: io, where there is no memfd or fork.
Result<Started> start_from_memory(Bytes program, std::chrono::milliseconds deadline);

// Nothing = not known.
[[nodiscard]] std::optional<bool> runs_aarch32(const Started& started);

// On a running arm64 kernel; nothing elsewhere, under an emulator, and where a handler would run
// Arm programs.
[[nodiscard]] std::optional<bool> probe_aarch32(const HostFacts& facts);

}  // namespace nodeproof::host
