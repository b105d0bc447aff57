#include "agent/host/auxv.hpp"

#include <array>
#include <span>

namespace nodeproof::host {
namespace {

constexpr std::uint64_t kAtNull = 0;
constexpr std::uint64_t kAtPagesz = 6;
constexpr std::uint64_t kAtHwcap = 16;
constexpr std::uint64_t kAtHwcap2 = 26;

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[i]);
  return value;
}

constexpr std::array<std::string_view, 33> kHwcap = {
    "fp",    "asimd",   "evtstrm", "aes",      "pmull", "sha1",     "sha2",  "crc32", "atomics",
    "fphp",  "asimdhp", "cpuid",   "asimdrdm", "jscvt", "fcma",     "lrcpc", "dcpop", "sha3",
    "sm3",   "sm4",     "asimddp", "sha512",   "sve",   "asimdfhm", "dit",   "uscat", "ilrcpc",
    "flagm", "ssbs",    "sb",      "paca",     "pacg",  "gcs"};

constexpr std::array<std::string_view, 64> kHwcap2 = {
    "dcpodp",    "sve2",      "sveaes",   "svepmull",  "svebitperm", "svesha3",    "svesm4",
    "flagm2",    "frint",     "svei8mm",  "svef32mm",  "svef64mm",   "svebf16",    "i8mm",
    "bf16",      "dgh",       "rng",      "bti",       "mte",        "ecv",        "afp",
    "rpres",     "mte3",      "sme",      "smei16i64", "smef64f64",  "smei8i32",   "smef16f32",
    "smeb16f32", "smef32f32", "smefa64",  "wfxt",      "ebf16",      "sveebf16",   "cssc",
    "rprfm",     "sve2p1",    "sme2",     "sme2p1",    "smei16i32",  "smebi32i32", "smeb16b16",
    "smef16f16", "mops",      "hbc",      "sveb16b16", "lrcpc3",     "lse128",     "fpmr",
    "lut",       "faminmax",  "f8cvt",    "f8fma",     "f8dp4",      "f8dp2",      "f8e4m3",
    "f8e5m2",    "smelutv2",  "smef8f16", "smef8f32",  "smesf8fma",  "smesf8dp4",  "smesf8dp2",
    "poe"};

void append_names(std::vector<std::string>& out, std::uint64_t bits,
                  std::span<const std::string_view> names, const std::string& word) {
  for (std::size_t bit = 0; bit < 64; ++bit) {
    if ((bits >> bit & 1U) == 0) continue;
    out.push_back(bit < names.size() ? std::string(names[bit]) : word + ":" + std::to_string(bit));
  }
}

}  // namespace

Auxv parse_auxv(std::string_view bytes) {
  Auxv auxv;
  for (; bytes.size() >= 16; bytes.remove_prefix(16)) {
    const std::uint64_t value = little_endian(bytes.substr(8));
    switch (little_endian(bytes)) {
      case kAtNull:
        return auxv;
      case kAtPagesz:
        auxv.page_size = value;
        break;
      case kAtHwcap:
        auxv.hwcap = value;
        break;
      case kAtHwcap2:
        auxv.hwcap2 = value;
        break;
      default:
        break;
    }
  }
  return {};
}

std::vector<std::string> arm64_hwcaps(std::uint64_t hwcap, std::uint64_t hwcap2) {
  std::vector<std::string> names;
  append_names(names, hwcap, kHwcap, "hwcap");
  append_names(names, hwcap2, kHwcap2, "hwcap2");
  return names;
}

}  // namespace nodeproof::host
