#include "agent/smoke/instruction.hpp"

#include <array>
#include <charconv>

#include "agent/smoke/instruction_x86.hpp"
#include "common/elf.hpp"

namespace nodeproof::smoke {
namespace {

struct Row {
  std::uint32_t mask, value;
  std::string_view extension, what;
};

// Arm ARM (DDI 0487), C4 "A64 Instruction Set Encoding"; the first row that fits counts.
constexpr std::array kArm64 = {
    Row{0xffff0000, 0x00000000, "", "a deliberate trap (udf)"},
    Row{0x3f208c00, 0x38200000, "atomics", "LSE atomics"},
    Row{0x3f20fc00, 0x38208000, "atomics", "LSE atomics"},
    Row{0x3fa07c00, 0x08a07c00, "atomics", "LSE atomics"},
    Row{0xbfa07c00, 0x08207c00, "atomics", "LSE atomics"},
    Row{0x3ffffc00, 0x38bfc000, "lrcpc", "RCpc loads"},
    Row{0x3f200c00, 0x19000000, "ilrcpc", "RCpc loads with offset"},
    Row{0x7fe0e000, 0x1ac04000, "crc32", "CRC-32"},
    Row{0xffffcc00, 0x4e284800, "aes", "AES"},
    Row{0xbfe0fc00, 0x0ee0e000, "pmull", "polynomial multiplication"},
    Row{0xffe0cc00, 0x5e000000, "sha1", "SHA-1"},
    Row{0xffe0cc00, 0x5e004000, "sha2", "SHA-256"},
    Row{0xffffec00, 0x5e280800, "sha1", "SHA-1"},
    Row{0xfffffc00, 0x5e282800, "sha2", "SHA-256"},
    Row{0xffe0fc00, 0xce608c00, "sha3", "SHA-3"},
    Row{0xffe0f000, 0xce608000, "sha512", "SHA-512"},
    Row{0xfffffc00, 0xcec08000, "sha512", "SHA-512"},
    Row{0xffc08000, 0xce000000, "sha3", "SHA-3"},
    Row{0x9fe0fc00, 0x0e809400, "asimddp", "dot product"},
    Row{0x9fc0f400, 0x0f80e000, "asimddp", "dot product"},
    Row{0xdfe0f400, 0x4e80a400, "i8mm", "8-bit matrix multiplication"},
    Row{0xbfe0fc00, 0x0e809c00, "i8mm", "8-bit matrix multiplication"},
    Row{0xbfe0fc00, 0x2e40fc00, "bf16", "bfloat16"},
    Row{0xffe0fc00, 0x6e40ec00, "bf16", "bfloat16"},
    Row{0xfffffc00, 0x1e634000, "bf16", "bfloat16"},
    Row{0xfffffc00, 0x1e7e0000, "jscvt", "JavaScript conversion"},
    Row{0x7fc00000, 0x1ec00000, "fphp", "half-precision floating point"},
    Row{0xffc00000, 0x1fc00000, "fphp", "half-precision floating point"},
    Row{0x9f60c400, 0x0e400400, "asimdhp", "half-precision vectors"},
    Row{0xbf20f400, 0x2e008400, "asimdrdm", "rounding double multiply"},
    Row{0xbf20e400, 0x2e00c400, "fcma", "complex numbers"},
    Row{0xbf20ec00, 0x2e00e400, "fcma", "complex numbers"},
    Row{0x9fc07400, 0x0f001000, "asimdhp", "half-precision vectors"},
    Row{0xffff8000, 0xdac10000, "paca", "pointer authentication"},
    Row{0xfffffbff, 0xd65f0bff, "paca", "pointer authentication"},
    Row{0xfe9ff800, 0xd61f0800, "paca", "pointer authentication"},
    Row{0xff200400, 0xf8200400, "paca", "pointer authentication"},
    Row{0xffff0000, 0xd5380000, "cpuid", "reading of identification registers"},
    Row{0x9e000000, 0x80000000, "sme", "scalable matrices (SME)"},
    Row{0x1e000000, 0x04000000, "sve", "scalable vectors (SVE)"},
};

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
  for (const Row& row : kArm64) {
    if ((word & row.mask) != row.value) continue;
    Instruction found{{}, row.what};
    if (!row.extension.empty()) found.extensions.push_back(row.extension);
    return found;
  }
  return {};
}

}  // namespace

Instruction decode_instruction(std::uint16_t machine, std::string_view hex) {
  const std::vector<std::uint8_t> bytes = bytes_of(hex);
  if (machine == elf::kMachineAArch64) return decode_arm64(bytes);
  if (machine == elf::kMachineX86_64) return decode_x86(bytes);
  return {};
}

}  // namespace nodeproof::smoke
