// The compressed bytes of a layer, with a look-ahead and a few steps back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/bytes.hpp"

namespace nodeproof {

class CompressedInput {
 public:
  static constexpr std::size_t kBack = 8;

  explicit CompressedInput(ByteReader& reader);

  // Makes at least `wanted` bytes available (64 KiB at most) unless the stream ends before.
  Result<> want(std::size_t wanted);
  [[nodiscard]] std::span<std::byte> held() {
    return std::span(buffer_).subspan(start_, end_ - start_);
  }
  void drop(std::size_t count) {
    start_ += count;
    consumed_ += count;
  }
  // The last bytes dropped are held again: kBack of them at most.
  Result<> give_back(std::size_t count);

  [[nodiscard]] std::uint64_t consumed() const { return consumed_; }
  [[nodiscard]] std::string at_byte() const;  // for messages

 private:
  ByteReader& reader_;
  std::vector<std::byte> buffer_;
  std::size_t start_ = 0, end_ = 0;
  std::uint64_t consumed_ = 0;
  bool ended_ = false;
};

}  // namespace nodeproof
