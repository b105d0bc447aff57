#include "common/layer_input.hpp"

#include <algorithm>

namespace nodeproof {

namespace {

constexpr std::size_t kInputBytes = 1 << 16;

std::ptrdiff_t offset(std::size_t at) { return static_cast<std::ptrdiff_t>(at); }

}  // namespace

CompressedInput::CompressedInput(ByteReader& reader)
    : reader_(reader), buffer_(kInputBytes + kBack) {}

Result<> CompressedInput::want(std::size_t wanted) {
  if (held().size() >= wanted) return {};
  const std::size_t gone = start_ - std::min(start_, kBack);
  std::copy(buffer_.begin() + offset(gone), buffer_.begin() + offset(end_), buffer_.begin());
  start_ -= gone;
  end_ -= gone;
  while (!ended_ && held().size() < wanted) {
    const std::size_t got = TRY(reader_.read(std::span(buffer_).subspan(end_)));
    end_ += got;
    ended_ = got == 0;
  }
  return {};
}

Result<> CompressedInput::give_back(std::size_t count) {
  if (count > std::min(start_, kBack)) {
    return fail(Errc::internal, "the inflater gives back bytes it was not given" + at_byte());
  }
  start_ -= count;
  consumed_ -= count;
  return {};
}

std::string CompressedInput::at_byte() const {
  return " at compressed byte " + std::to_string(consumed_);
}

}  // namespace nodeproof
