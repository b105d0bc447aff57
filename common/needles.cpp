#include "common/needles.hpp"

#include <algorithm>
#include <cstring>

namespace nodeproof {

namespace {

constexpr std::size_t kBlock = 3;
constexpr std::size_t kLastBlock = Needles::kShortest - kBlock;  // its place in the window

}  // namespace

std::uint32_t Needles::hash(const char* block) {
  const auto byte = [&](std::size_t at) {
    return std::uint32_t{static_cast<unsigned char>(block[at])};
  };
  return ((byte(0) | byte(1) << 8 | byte(2) << 16) * 0x9e3779b1U) >> 20;
}

Needles::Needles(std::span<const std::string_view> needles) : needles_(needles) {
  shifts_.fill(kLastBlock + 1);
  for (const std::string_view needle : needles) {
    for (std::size_t at = 0; at <= kLastBlock; ++at) {
      std::uint8_t& shift = shifts_[hash(needle.data() + at)];
      shift = std::min(shift, static_cast<std::uint8_t>(kLastBlock - at));
    }
  }
}

void Needles::find(std::string_view text, const Found& found) const {
  for (std::size_t at = 0; at + kShortest <= text.size();) {
    const std::uint8_t shift = shifts_[hash(text.data() + at + kLastBlock)];
    at += shift;
    if (shift != 0) continue;
    const std::string_view rest = text.substr(at);
    for (std::size_t i = 0; i < needles_.size(); ++i) {
      if (rest.starts_with(needles_[i])) found(i, at);
    }
    ++at;
  }
}

}  // namespace nodeproof
