// Which extension of the instruction set an instruction belongs to. Pure; for one instruction that
// drew SIGILL, so an encoding that merely looks alike in data is no concern.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nodeproof::smoke {

struct Instruction {
  std::vector<std::string_view>
      extensions;         // as /proc/cpuinfo names them; all are needed; empty = not known
  std::string_view what;  // "LSE atomics", "a deliberate trap (ud2)"; "" = not known
  friend bool operator==(const Instruction&, const Instruction&) = default;
};

// machine: elf::kMachineX86_64 or kMachineAArch64; hex: the bytes at the program counter.
[[nodiscard]] Instruction decode_instruction(std::uint16_t machine, std::string_view hex);

}  // namespace nodeproof::smoke
