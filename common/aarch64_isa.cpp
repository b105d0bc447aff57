#include "common/aarch64_isa.hpp"

#include <array>

namespace nodeproof::aarch64 {

namespace {

// Arm ARM (DDI 0487), C4 "A64 Instruction Set Encoding"; the first row that fits counts.
constexpr std::array kEncodings = {
    Encoding{0xffff0000, 0x00000000, "", "a deliberate trap (udf)", Scan::no},
    Encoding{0xffe0001f, 0xd4200000, "", "a deliberate trap (brk)", Scan::no},
    Encoding{0xffe0001f, 0xd4400000, "", "a deliberate trap (hlt)", Scan::no},
    Encoding{0x3f208c00, 0x38200000, "atomics", "LSE atomics", Scan::yes},
    Encoding{0x3f20fc00, 0x38208000, "atomics", "LSE atomics", Scan::yes},
    Encoding{0x3fa07c00, 0x08a07c00, "atomics", "LSE atomics", Scan::yes},
    Encoding{0xbfa07c00, 0x08207c00, "atomics", "LSE atomics", Scan::yes},
    Encoding{0x3ffffc00, 0x38bfc000, "lrcpc", "RCpc loads", Scan::yes},
    Encoding{0x3f200c00, 0x19000000, "ilrcpc", "RCpc loads with offset", Scan::yes},
    Encoding{0x7fe0e000, 0x1ac04000, "crc32", "CRC-32", Scan::yes},
    Encoding{0xffffcc00, 0x4e284800, "aes", "AES", Scan::yes},
    Encoding{0xbfe0fc00, 0x0ee0e000, "pmull", "polynomial multiplication", Scan::yes},
    Encoding{0xffe0cc00, 0x5e000000, "sha1", "SHA-1", Scan::yes},
    Encoding{0xffe0cc00, 0x5e004000, "sha2", "SHA-256", Scan::yes},
    Encoding{0xffffec00, 0x5e280800, "sha1", "SHA-1", Scan::yes},
    Encoding{0xfffffc00, 0x5e282800, "sha2", "SHA-256", Scan::yes},
    Encoding{0xffe0fc00, 0xce608c00, "sha3", "SHA-3", Scan::yes},
    Encoding{0xffe0f000, 0xce608000, "sha512", "SHA-512", Scan::yes},
    Encoding{0xfffffc00, 0xcec08000, "sha512", "SHA-512", Scan::yes},
    Encoding{0xffc08000, 0xce000000, "sha3", "SHA-3", Scan::yes},
    Encoding{0x9fe0fc00, 0x0e809400, "asimddp", "dot product", Scan::yes},
    Encoding{0x9fc0f400, 0x0f80e000, "asimddp", "dot product", Scan::yes},
    Encoding{0xdfe0f400, 0x4e80a400, "i8mm", "8-bit matrix multiplication", Scan::yes},
    Encoding{0xbfe0fc00, 0x0e809c00, "i8mm", "8-bit matrix multiplication", Scan::yes},
    Encoding{0xbfe0fc00, 0x2e40fc00, "bf16", "bfloat16", Scan::yes},
    Encoding{0xffe0fc00, 0x6e40ec00, "bf16", "bfloat16", Scan::yes},
    Encoding{0xfffffc00, 0x1e634000, "bf16", "bfloat16", Scan::yes},
    Encoding{0xfffffc00, 0x1e7e0000, "jscvt", "JavaScript conversion", Scan::yes},
    // FCVT from half precision is older than the extension.
    Encoding{0xffff7c00, 0x1ee24000, "", "", Scan::no},
    Encoding{0x7fc00000, 0x1ec00000, "fphp", "half-precision floating point", Scan::yes},
    Encoding{0xffc00000, 0x1fc00000, "fphp", "half-precision floating point", Scan::yes},
    Encoding{0x9f60c400, 0x0e400400, "asimdhp", "half-precision vectors", Scan::yes},
    Encoding{0xbf20f400, 0x2e008400, "asimdrdm", "rounding double multiply", Scan::yes},
    Encoding{0xbf20e400, 0x2e00c400, "fcma", "complex numbers", Scan::yes},
    Encoding{0xbf20ec00, 0x2e00e400, "fcma", "complex numbers", Scan::yes},
    Encoding{0x9fc07400, 0x0f001000, "asimdhp", "half-precision vectors", Scan::yes},
    Encoding{0xffff8000, 0xdac10000, "paca", "pointer authentication", Scan::yes},
    Encoding{0xfffffbff, 0xd65f0bff, "paca", "pointer authentication", Scan::yes},
    Encoding{0xfe9ff800, 0xd61f0800, "paca", "pointer authentication", Scan::yes},
    Encoding{0xff200400, 0xf8200400, "paca", "pointer authentication", Scan::yes},
    Encoding{0xffff0000, 0xd5380000, "cpuid", "reading of identification registers", Scan::yes},
    Encoding{0x9e000000, 0x80000000, "sme", "scalable matrices (SME)", Scan::no},
    Encoding{0xff3ffc10, 0x2518e000, "sve", "scalable vectors (SVE)", Scan::yes},
    Encoding{0xff30fc00, 0x0420e000, "sve", "scalable vectors (SVE)", Scan::yes},
    Encoding{0xfffff800, 0x04bf5000, "sve", "scalable vectors (SVE)", Scan::yes},
    Encoding{0x1e000000, 0x04000000, "sve", "scalable vectors (SVE)", Scan::no},
};

// Whether a word with these upper 12 bits may fit a row worth a scan: most words need one look.
constexpr std::array<bool, 4096> candidates() {
  std::array<bool, 4096> may{};
  for (std::uint32_t top = 0; top < may.size(); ++top) {
    for (const Encoding& row : kEncodings) {
      const bool fits = ((top << 20 ^ row.value) & row.mask & 0xfff00000) == 0;
      if (fits && row.scan == Scan::yes) may[top] = true;
    }
  }
  return may;
}

constexpr std::array<bool, 4096> kCandidates = candidates();

}  // namespace

const Encoding* decode(std::uint32_t word) {
  for (const Encoding& row : kEncodings) {
    if ((word & row.mask) == row.value) return &row;
  }
  return nullptr;
}

Hit next_extension(std::span<const std::uint32_t> words, std::size_t from) {
  const std::uint32_t* const start = words.data();  // unchecked: this loop is the scan's cost
  for (std::size_t i = from; i < words.size(); ++i) {
    const std::uint32_t word = start[i];
    if (!kCandidates[word >> 20]) [[likely]]
      continue;
    const Encoding* const row = decode(word);
    if (row != nullptr && row->scan == Scan::yes) return {.at = i, .encoding = row};
  }
  return {.at = words.size(), .encoding = nullptr};
}

}  // namespace nodeproof::aarch64
