// Whether a file on a disk is still what a layer brought: XXH3 of 128 bits (xxhash 0.8). It finds
// every damage and costs a tenth of SHA-256, and less than that where the processor has no
// instructions for it; it stops nobody who writes a file to have a certain hash. What came from a
// registry is held to its digest, by Hasher.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/bytes.hpp"

namespace nodeproof {

using ContentHash = std::array<unsigned char, 16>;
inline constexpr std::size_t kContentHashDigits = 32;

[[nodiscard]] std::string to_hex(const ContentHash& hash);  // as xxh128sum(1) prints it
[[nodiscard]] std::optional<ContentHash> content_hash_of_hex(std::string_view digits);

class ContentHasher {
 public:
  ContentHasher();
  ~ContentHasher();
  ContentHasher(const ContentHasher&) = delete;
  ContentHasher& operator=(const ContentHasher&) = delete;

  void reset();
  void update(Bytes bytes);
  [[nodiscard]] ContentHash finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] ContentHash content_hash(Bytes bytes);

}  // namespace nodeproof
