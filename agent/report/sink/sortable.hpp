// Numbers as text of one length, which sorts as they do.
#pragma once

#include <cstdint>
#include <string>

namespace nodeproof::report {

inline constexpr std::size_t kSortableDigits = 20;

inline std::string sortable(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(kSortableDigits - digits.size(), '0') + digits;
}

}  // namespace nodeproof::report
