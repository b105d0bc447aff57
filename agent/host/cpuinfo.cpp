#include "agent/host/cpuinfo.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "agent/host/text_files.hpp"

namespace nodeproof::host {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// getCPUVariantFromArch: used where cpuinfo has no "CPU architecture".
std::string variant_of_machine(std::string_view machine) {
  if (machine == "aarch64") return "8";
  if (machine.starts_with("armv") && machine.size() >= 5 && machine[4] >= '3' &&
      machine[4] <= '8') {
    return std::string(1, machine[4]);
  }
  return "unknown";
}

struct VariantName {
  std::string_view cpuinfo, variant;
};

constexpr std::array<VariantName, 19> kVariants = {{{"8", "v8"},
                                                    {"aarch64", "v8"},
                                                    {"7", "v7"},
                                                    {"7m", "v7"},
                                                    {"?(12)", "v7"},
                                                    {"?(13)", "v7"},
                                                    {"?(14)", "v7"},
                                                    {"?(15)", "v7"},
                                                    {"?(16)", "v7"},
                                                    {"?(17)", "v7"},
                                                    {"6", "v6"},
                                                    {"6tej", "v6"},
                                                    {"5", "v5"},
                                                    {"5t", "v5"},
                                                    {"5te", "v5"},
                                                    {"5tej", "v5"},
                                                    {"4", "v4"},
                                                    {"4t", "v4"},
                                                    {"3", "v3"}}};

struct X86Flag {
  std::string_view name;
  int level;  // the level that demands it; 0 = none does
};

// Linux' names: pni is SSE3, abm is LZCNT, cx16 is CMPXCHG16B, lahf_lm is LAHF/SAHF, xsave stands
// for OSXSAVE.
constexpr std::array<X86Flag, 45> kX86Flags = {
    {{"cmov", 1},       {"cx8", 1},         {"fpu", 1},         {"fxsr", 1},     {"mmx", 1},
     {"syscall", 1},    {"sse", 1},         {"sse2", 1},        {"cx16", 2},     {"lahf_lm", 2},
     {"popcnt", 2},     {"pni", 2},         {"ssse3", 2},       {"sse4_1", 2},   {"sse4_2", 2},
     {"avx", 3},        {"avx2", 3},        {"bmi1", 3},        {"bmi2", 3},     {"f16c", 3},
     {"fma", 3},        {"abm", 3},         {"movbe", 3},       {"xsave", 3},    {"avx512f", 4},
     {"avx512bw", 4},   {"avx512cd", 4},    {"avx512dq", 4},    {"avx512vl", 4}, {"aes", 0},
     {"pclmulqdq", 0},  {"sha_ni", 0},      {"vaes", 0},        {"gfni", 0},     {"vpclmulqdq", 0},
     {"adx", 0},        {"rdrand", 0},      {"rdseed", 0},      {"avx_vnni", 0}, {"avx512_vnni", 0},
     {"avx512vbmi", 0}, {"avx512_bf16", 0}, {"avx512_fp16", 0}, {"amx_tile", 0}, {"amx_int8", 0}}};

}  // namespace

std::string_view cpuinfo_value(std::string_view cpuinfo, std::string_view key) {
  for (const std::string_view line : lines_of(cpuinfo)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    if (lower(trim(line.substr(0, colon))) == lower(key)) return trim(line.substr(colon + 1));
  }
  return {};
}

std::string go_architecture(std::string_view machine, unsigned bits) {
  const bool narrow = bits == 32;
  if (machine == "aarch64" || machine == "arm64") return narrow ? "arm" : "arm64";
  if (machine == "x86_64" || machine == "amd64") return narrow ? "386" : "amd64";
  if (machine.starts_with("arm")) return "arm";
  if (machine.size() == 4 && machine[0] == 'i' && machine.ends_with("86")) return "386";
  if (machine == "ppc64le" || machine == "s390x" || machine == "riscv64")
    return std::string(machine);
  if (machine == "loongarch64") return "loong64";
  return {};
}

std::string cpu_variant(std::string_view cpuinfo, std::string_view machine,
                        std::string_view architecture) {
  if (architecture != "arm" && architecture != "arm64") return {};
  std::string value = lower(cpuinfo_value(cpuinfo, "CPU architecture"));
  if (value.empty()) value = variant_of_machine(machine);
  // Raspberry Pi 0 and 1: an ARMv6 core whose kernel says "CPU architecture: 7".
  if (architecture == "arm" && value == "7" &&
      lower(cpuinfo_value(cpuinfo, "model name")).starts_with("armv6-compatible")) {
    value = "6";
  }
  const auto* found = std::ranges::find(kVariants, value, &VariantName::cpuinfo);
  return found == kVariants.end() ? "unknown" : std::string(found->variant);
}

X86Features x86_features(std::string_view cpuinfo) {
  const auto present = words_of(cpuinfo_value(cpuinfo, "flags"));
  X86Features features;
  int level = present.empty() ? 0 : 4;
  for (const X86Flag& flag : kX86Flags) {
    if (std::ranges::find(present, flag.name) != present.end()) {
      features.flags.emplace_back(flag.name);
    } else if (flag.level != 0) {
      level = std::min(level, flag.level - 1);
    }
  }
  if (level > 0) features.level = "x86-64-v" + std::to_string(level);
  return features;
}

}  // namespace nodeproof::host
