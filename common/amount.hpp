// Amounts of space as people and Kubernetes write them: "2GB", "500Mi", "15%".
#pragma once

#include <cstdint>
#include <string_view>

#include "common/error.hpp"

namespace nodeproof {

// Either bytes (or pieces, such as inodes) or a share of a whole.
struct Amount {
  std::uint64_t units = 0;
  double percent = 0;  // 0..100; only when units is 0
  [[nodiscard]] std::uint64_t of(std::uint64_t whole) const;
  friend bool operator==(const Amount&, const Amount&) = default;
};

// A number, whole or with a fraction, and one of k M G T (1000s, "GB" too), Ki Mi Gi Ti (1024s,
// "GiB" too), % or nothing. Errc::invalid_document.
Result<Amount> parse_amount(std::string_view text);

}  // namespace nodeproof
