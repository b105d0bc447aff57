// Finds several short texts in one pass (Wu and Manber's algorithm): most positions are skipped.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace nodeproof {

class Needles {
 public:
  // Each of at least kShortest bytes; borrowed.
  static constexpr std::size_t kShortest = 9;
  explicit Needles(std::span<const std::string_view> needles);

  // Told the needle's index and where it begins, in no order.
  using Found = std::function<void(std::size_t needle, std::size_t at)>;
  void find(std::string_view text, const Found& found) const;

 private:
  struct Lane {
    std::size_t at, end;  // where a needle may begin
  };
  void step(Lane& lane, std::string_view text, const Found& found) const;
  void tell(std::size_t at, std::string_view text, const Found& found) const;

  std::span<const std::string_view> needles_;
  // By the hash of three bytes: how far the window of kShortest bytes that ends with them can move
  // on without passing over the start of a needle.
  std::array<std::uint8_t, 4096> shifts_{};
};

}  // namespace nodeproof
