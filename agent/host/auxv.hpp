// The auxiliary vector (getauxval(3)) from a saved /proc/self/auxv: page size and processor
// features as the kernel grants them, already reduced to what every core of a big.LITTLE system
// has.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nodeproof::host {

struct Auxv {
  std::uint64_t page_size = 0;  // AT_PAGESZ
  std::uint64_t hwcap = 0;      // AT_HWCAP
  std::uint64_t hwcap2 = 0;     // AT_HWCAP2
  friend bool operator==(const Auxv&, const Auxv&) = default;
};

// Entries of a 64-bit little-endian program; anything else gives zeroes.
[[nodiscard]] Auxv parse_auxv(std::string_view bytes);

// Linux arch/arm64/include/uapi/asm/hwcap.h, in bit order; a bit without a name yet is "hwcap:40"
// or "hwcap2:63".
[[nodiscard]] std::vector<std::string> arm64_hwcaps(std::uint64_t hwcap, std::uint64_t hwcap2);

}  // namespace nodeproof::host
