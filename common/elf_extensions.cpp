// Instructions of AArch64 extensions in code that may hold data as well, and whether they are
// guarded.
#include <algorithm>
#include <map>
#include <string_view>

#include "common/aarch64_isa.hpp"
#include "common/elf_scan.hpp"

namespace nodeproof::elf {

namespace {

constexpr std::size_t kNear = 24;    // words between a check and what it guards
constexpr std::size_t kAround = 16;  // words in which something that is no instruction shows data

using Words = std::span<const std::uint32_t>;

Words around(Words words, std::size_t at, std::size_t reach) {
  const std::size_t from = at - std::min(at, reach);
  return words.subspan(from, std::min(words.size() - from, at - from + reach + 1));
}

// Arm ARM C4.1: groups 0001 and 0011 of bits 28:25 are unallocated, 0000 without bit 31 is
// reserved; with bit 31 it is SME. UDF, which fills gaps between functions, is an instruction.
bool is_instruction(std::uint32_t word) {
  const std::uint32_t group = word >> 25 & 15;
  if (group == 1 || group == 3) return false;
  return group != 0 || word >> 31 == 1 || word >> 16 == 0;
}

bool in_data(Words words, std::size_t at) {
  return !std::ranges::all_of(around(words, at, kAround), is_instruction);
}

// The helper of -moutline-atomics (libgcc, compiler-rt): cbz w16 to the other way; the atomic; ret.
bool in_outline_helper(Words words, std::size_t at) {
  constexpr std::uint32_t kRet = 0xd65f03c0;
  if (at == 0 || at + 1 >= words.size()) return false;
  return (words[at - 1] & 0xff00001f) == 0x34000010 && words[at + 1] == kRet;
}

bool is_exclusive(std::uint32_t word) {
  const aarch64::Encoding* const row = aarch64::decode(word);
  return (word & 0x3f800000) == 0x08000000 && (row == nullptr || row->extension != "atomics");
}

bool is_bit_test(std::uint32_t word) {  // cbz, cbnz, tbz, tbnz
  return (word & 0x7e000000) == 0x34000000 || (word & 0x7e000000) == 0x36000000;
}

// Code that chooses at run time by itself (Go, libatomic): a check and the loop of exclusives that
// does without are close by.
bool chooses(Words words, std::size_t at) {
  const Words near = around(words, at, kNear);
  return std::ranges::any_of(near, is_bit_test) && std::ranges::any_of(near, is_exclusive);
}

class Counter {
 public:
  void look_at(const Window& window, const CodeRange& range) {
    const Words proper = window.words.first(window.last / 4);
    for (auto hit = aarch64::next_extension(proper, window.first / 4); hit.encoding != nullptr;
         hit = aarch64::next_extension(proper, hit.at + 1)) {
      if (in_data(window.words, hit.at)) continue;
      const std::uint64_t into = window.offset + 4 * hit.at - range.region.offset;
      count(window.words, hit, range.address + into);
    }
  }

  [[nodiscard]] Extensions result() const {
    Extensions found;
    for (const auto& [name, use] : uses_) found.uses.push_back(use);
    found.asks_processor = uses_.contains("cpuid");
    return found;
  }

 private:
  void count(Words words, const aarch64::Hit& hit, std::uint64_t address) {
    const std::string_view name = hit.encoding->extension;
    ExtensionUse& use = uses_[name];
    const bool guarded =
        name == "atomics" && (in_outline_helper(words, hit.at) || chooses(words, hit.at));
    const bool tells = guarded ? use.guarded + use.unguarded == 0 : use.unguarded == 0;
    if (tells) {
      use.hwcap = name;
      use.address = address;
      use.word = words[hit.at];
    }
    ++(guarded ? use.guarded : use.unguarded);
  }

  std::map<std::string_view, ExtensionUse> uses_;
};

}  // namespace

Result<Extensions> find_extensions(const ByteSource& source, const std::vector<CodeRange>& code) {
  Counter counter;
  for (const CodeRange& range : code) {
    const auto look = [&](const Window& window) { counter.look_at(window, range); };
    TRY(for_each_window(source, range.region, 4 * kNear, look));
  }
  return counter.result();
}

}  // namespace nodeproof::elf
