#include "agent/smoke/instruction_x86.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace nodeproof::smoke {
namespace {

// A range of opcodes of one map (Intel SDM volume 2, appendix A). prefix: the mandatory one, 0 =
// none, kAny = whichever.
constexpr std::uint8_t kAny = 0xff;
struct Range {
  std::uint8_t first, last, prefix;
  std::string_view extension;
};

constexpr std::array kMap0f = {
    Range{0x7c, 0x7d, 0x66, "pni"},    Range{0x7c, 0x7d, 0xf2, "pni"},
    Range{0xd0, 0xd0, 0x66, "pni"},    Range{0xd0, 0xd0, 0xf2, "pni"},
    Range{0xf0, 0xf0, 0xf2, "pni"},    Range{0x12, 0x12, 0xf2, "pni"},
    Range{0x12, 0x12, 0xf3, "pni"},    Range{0x16, 0x16, 0xf3, "pni"},
    Range{0xb8, 0xb8, 0xf3, "popcnt"}, Range{0xbd, 0xbd, 0xf3, "abm"},
    Range{0xbc, 0xbc, 0xf3, "bmi1"},   Range{0xae, 0xae, 0, "xsave"},
};
constexpr std::array kMap0f38 = {
    Range{0x00, 0x0b, kAny, "ssse3"},  Range{0x1c, 0x1e, kAny, "ssse3"},
    Range{0x37, 0x37, 0x66, "sse4_2"}, Range{0x10, 0x41, 0x66, "sse4_1"},
    Range{0xc8, 0xcd, 0, "sha_ni"},    Range{0xcf, 0xcf, 0x66, "gfni"},
    Range{0xdb, 0xdf, 0x66, "aes"},    Range{0xf0, 0xf1, 0xf2, "sse4_2"},
    Range{0xf0, 0xf1, kAny, "movbe"},  Range{0xf6, 0xf6, kAny, "adx"},
};
constexpr std::array kMap0f3a = {
    Range{0x0f, 0x0f, kAny, "ssse3"},  Range{0x08, 0x22, 0x66, "sse4_1"},
    Range{0x40, 0x42, 0x66, "sse4_1"}, Range{0x44, 0x44, 0x66, "pclmulqdq"},
    Range{0x60, 0x63, 0x66, "sse4_2"}, Range{0xcc, 0xcc, 0, "sha_ni"},
    Range{0xce, 0xcf, 0x66, "gfni"},   Range{0xdf, 0xdf, 0x66, "aes"},
};
// VEX-coded; prefix here: 0 = 128 bits, 1 = 256 bits.
constexpr std::array kVex1 = {
    Range{0x60, 0x6d, 1, "avx2"}, Range{0x70, 0x76, 1, "avx2"}, Range{0xd1, 0xd5, 1, "avx2"},
    Range{0xd7, 0xe5, 1, "avx2"}, Range{0xe8, 0xef, 1, "avx2"}, Range{0xf1, 0xfe, 1, "avx2"},
};
constexpr std::array kVex2 = {
    Range{0x13, 0x13, kAny, "f16c"},     Range{0x36, 0x36, kAny, "avx2"},
    Range{0x45, 0x47, kAny, "avx2"},     Range{0x58, 0x5a, kAny, "avx2"},
    Range{0x78, 0x79, kAny, "avx2"},     Range{0x8c, 0x8c, kAny, "avx2"},
    Range{0x8e, 0x8e, kAny, "avx2"},     Range{0x90, 0x93, kAny, "avx2"},
    Range{0x50, 0x53, kAny, "avx_vnni"}, Range{0x96, 0x9f, kAny, "fma"},
    Range{0xa6, 0xaf, kAny, "fma"},      Range{0xb6, 0xbf, kAny, "fma"},
    Range{0xdb, 0xdf, 0, "aes"},         Range{0xdc, 0xdf, 1, "vaes"},
    Range{0xcf, 0xcf, kAny, "gfni"},     Range{0xf2, 0xf3, kAny, "bmi1"},
    Range{0xf7, 0xf7, kAny, "bmi2"},     Range{0xf5, 0xf6, kAny, "bmi2"},
    Range{0x00, 0x0b, 1, "avx2"},        Range{0x1c, 0x1e, 1, "avx2"},
    Range{0x20, 0x25, 1, "avx2"},        Range{0x28, 0x2b, 1, "avx2"},
    Range{0x30, 0x3f, 1, "avx2"},        Range{0x40, 0x40, 1, "avx2"},
};
constexpr std::array kVex3 = {
    Range{0x00, 0x02, kAny, "avx2"},   Range{0x1d, 0x1d, kAny, "f16c"},
    Range{0x38, 0x39, kAny, "avx2"},   Range{0x46, 0x46, kAny, "avx2"},
    Range{0x44, 0x44, 0, "pclmulqdq"}, Range{0x44, 0x44, 1, "vpclmulqdq"},
    Range{0xf0, 0xf0, kAny, "bmi2"},   Range{0x0f, 0x0f, 1, "avx2"},
    Range{0x42, 0x42, 1, "avx2"},
};

std::string_view look_up(std::span<const Range> map, std::uint8_t opcode, std::uint8_t prefix) {
  for (const Range& range : map) {
    if (opcode < range.first || opcode > range.last) continue;
    if (range.prefix == kAny || range.prefix == prefix) return range.extension;
  }
  return {};
}

class Cursor {
 public:
  explicit Cursor(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint8_t at(std::size_t ahead = 0) const {
    return at_ + ahead < bytes_.size() ? bytes_[at_ + ahead] : std::uint8_t{0};
  }
  void skip(std::size_t count = 1) { at_ += count; }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

constexpr std::string_view kLegacyPrefixes = "\x66\xf2\xf3\xf0\x2e\x36\x3e\x26\x64\x65\x67";

Instruction of(std::string_view extension) {
  if (extension.empty()) return {};
  return {{extension}, extension};
}

Instruction decode_vex(const Cursor& code) {
  const bool three = code.at() == 0xc4;
  const unsigned map = three ? code.at(1) & 0x1fU : 1;
  const std::uint8_t wide = (code.at(three ? 2 : 1) >> 2) & 1;
  const std::uint8_t opcode = code.at(three ? 3 : 2);
  std::string_view more;
  if (map == 1) more = look_up(kVex1, opcode, wide);
  if (map == 2) more = look_up(kVex2, opcode, wide);
  if (map == 3) more = look_up(kVex3, opcode, wide);
  Instruction found{{"avx"}, "AVX"};
  if (more.empty()) return found;
  // The VEX-coded ones on general registers need no AVX.
  if (more.starts_with("bmi")) found.extensions.clear();
  found.extensions.push_back(more);
  found.what = more;
  return found;
}

// EVEX-coded ones of map 2 beyond the first AVX-512; prefix here: pp of EVEX, 1 = 66, 2 = f3, 3 =
// f2.
constexpr std::array kEvex2 = {
    Range{0x52, 0x52, 2, "avx512_bf16"}, Range{0x72, 0x72, 2, "avx512_bf16"},
    Range{0x72, 0x72, 3, "avx512_bf16"}, Range{0x50, 0x53, 1, "avx512_vnni"},
    Range{0x83, 0x83, 1, "avx512vbmi"},
};

// Byte permutations are VBMI, those of words (W) AVX-512BW.
bool permutes(std::uint8_t opcode) { return opcode == 0x75 || opcode == 0x7d || opcode == 0x8d; }

Instruction decode_evex(const Cursor& code) {
  constexpr unsigned kLength512 = 2, kHalfMaps = 5;
  Instruction found{{"avx512f"}, "AVX-512"};
  const unsigned map = code.at(1) & 7, length = (code.at(3) >> 5) & 3;
  const bool wide = (code.at(2) & 0x80) != 0;
  if (length < kLength512) found.extensions.emplace_back("avx512vl");
  std::string_view more;
  if (map == 2) more = look_up(kEvex2, code.at(4), code.at(2) & 3);
  if (map == 2 && permutes(code.at(4))) more = wide ? "avx512bw" : "avx512vbmi";
  if (map >= kHalfMaps) more = "avx512_fp16";
  if (!more.empty()) found.extensions.push_back(more);
  return found;
}

Instruction decode_0f(const Cursor& code, std::uint8_t prefix) {
  const std::uint8_t opcode = code.at(), modrm = code.at(1);
  const unsigned reg = (modrm >> 3) & 7;
  if (opcode == 0x0b) return {{}, "a deliberate trap (ud2)"};
  if (opcode == 0xb9) return {{}, "a deliberate trap (ud1)"};
  if (opcode == 0xff) return {{}, "a deliberate trap (ud0)"};
  if (opcode == 0x38) return of(look_up(kMap0f38, code.at(1), prefix));
  if (opcode == 0x3a) return of(look_up(kMap0f3a, code.at(1), prefix));
  if (opcode == 0x01 && modrm == 0xd0) return of("xsave");
  if (opcode == 0xc7 && modrm >= 0xc0) return of(reg == 6 ? "rdrand" : reg == 7 ? "rdseed" : "");
  if (opcode == 0xc7 && reg == 1) return of("cx16");
  if (opcode == 0xae && (modrm >= 0xc0 || reg < 4)) return {};
  return of(look_up(kMap0f, opcode, prefix));
}

}  // namespace

Instruction decode_x86(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return {};
  constexpr std::uint8_t kXopMap = 8;  // below it 0x8f is POP
  Cursor code(bytes);
  std::uint8_t mandatory = 0;
  while (kLegacyPrefixes.find(static_cast<char>(code.at())) != kLegacyPrefixes.npos) {
    const std::uint8_t one = code.at();
    if (one == 0xf2 || one == 0xf3 || (one == 0x66 && mandatory == 0)) mandatory = one;
    code.skip();
  }
  if ((code.at() & 0xf0) == 0x40) code.skip();  // REX
  if (code.at() == 0xc4 || code.at() == 0xc5) return decode_vex(code);
  if (code.at() == 0x62) return decode_evex(code);
  if (code.at() == 0x8f && (code.at(1) & 0x1f) >= kXopMap) return of("xop");
  if (code.at() != 0x0f) return {};
  code.skip();
  return decode_0f(code, mandatory);
}

}  // namespace nodeproof::smoke
