// Which extension of the processor an AArch64 instruction belongs to: one table for the code that
// drew SIGILL and for the code that has not run yet.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace nodeproof::aarch64 {

// How a row serves a scan of whole files, where data may lie between the instructions.
enum class Scan {
  no,   // too wide: chance alone would find it
  yes,  // a hit is an instruction, if no data surrounds it
};

struct Encoding {
  std::uint32_t mask, value;
  std::string_view extension;  // as /proc/cpuinfo names it; "" = none
  std::string_view what;       // for people; "" = nothing worth a word
  Scan scan;
};

// The row that fits; nullptr = an instruction that every processor has, or one not known.
[[nodiscard]] const Encoding* decode(std::uint32_t word);

struct Hit {
  std::size_t at = 0;  // index of the word
  const Encoding* encoding = nullptr;
};

// The next word from index `from` that a scan should look at; encoding nullptr = there is none.
[[nodiscard]] Hit next_extension(std::span<const std::uint32_t> words, std::size_t from);

}  // namespace nodeproof::aarch64
