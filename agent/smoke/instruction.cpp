#include "agent/smoke/instruction.hpp"

#include <charconv>

#include "agent/smoke/instruction_x86.hpp"
#include "common/aarch64_isa.hpp"
#include "common/elf.hpp"

namespace nodeproof::smoke {
namespace {

std::vector<std::uint8_t> bytes_of(std::string_view hex) {
  std::vector<std::uint8_t> bytes;
  for (; hex.size() >= 2; hex.remove_prefix(2)) {
    std::uint8_t byte = 0;
    const std::string pair(hex.substr(0, 2));
    const char* last = pair.data() + pair.size();
    const auto [end, error] = std::from_chars(pair.data(), last, byte, 16);
    if (error != std::errc() || end != last) break;
    bytes.push_back(byte);
  }
  return bytes;
}

Instruction decode_arm64(const std::vector<std::uint8_t>& bytes) {
  if (bytes.size() < 4) return {};
  const std::uint32_t word = bytes[0] | (std::uint32_t{bytes[1]} << 8) |
                             (std::uint32_t{bytes[2]} << 16) | (std::uint32_t{bytes[3]} << 24);
  const aarch64::Encoding* const row = aarch64::decode(word);
  if (row == nullptr) return {};
  Instruction found{{}, row->what};
  if (!row->extension.empty()) found.extensions.push_back(row->extension);
  return found;
}

}  // namespace

Instruction decode_instruction(std::uint16_t machine, std::string_view hex) {
  const std::vector<std::uint8_t> bytes = bytes_of(hex);
  if (machine == elf::kMachineAArch64) return decode_arm64(bytes);
  if (machine == elf::kMachineX86_64) return decode_x86(bytes);
  return {};
}

}  // namespace nodeproof::smoke
