// The amd64 half of instruction.hpp: prefixes and opcode maps say which extension an instruction is
// of.
#pragma once

#include <cstdint>
#include <span>

#include "agent/smoke/instruction.hpp"

namespace nodeproof::smoke {

[[nodiscard]] Instruction decode_x86(std::span<const std::uint8_t> bytes);

}  // namespace nodeproof::smoke
