#include "common/layer_gzip.hpp"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace nodeproof {

namespace {

constexpr unsigned kDeflate = 8;
constexpr unsigned kHeadCrc = 1U << 1, kExtra = 1U << 2, kName = 1U << 3, kComment = 1U << 4;
constexpr unsigned kReserved = 0xe0;

std::unexpected<Error> truncated(const CompressedInput& input) {
  return fail(Errc::truncated, "gzip: ends inside a member" + input.at_byte());
}

std::unexpected<Error> corrupt(const CompressedInput& input, std::string_view why) {
  return fail(Errc::corrupt, "gzip: " + std::string(why) + input.at_byte());
}

std::string_view reason(int status) {
  switch (status) {
    case ISAL_INVALID_BLOCK:
      return "invalid deflate block";
    case ISAL_INVALID_SYMBOL:
      return "invalid deflate symbol";
    case ISAL_INVALID_LOOKBACK:
      return "invalid distance too far back";
    default:
      return "bad data";
  }
}

// What stands around the deflated data of a member. ISA-L's own reader of it cannot go on where the
// input of one call ended.
class Frame {
 public:
  explicit Frame(CompressedInput& input) : input_(input) {}

  Result<> skip_head() {
    TRY(skip(2));  // the magic: it was looked at
    if (TRY(number(1)) != kDeflate) return corrupt(input_, "unknown compression method");
    const unsigned flags = TRY(number(1));
    if ((flags & kReserved) != 0) return corrupt(input_, "unknown header flags set");
    TRY(skip(6));  // time, level, system
    const std::uint32_t extra = (flags & kExtra) != 0 ? TRY(number(2)) : 0;
    TRY(skip(extra));
    if ((flags & kName) != 0) TRY(skip_text());
    if ((flags & kComment) != 0) TRY(skip_text());
    if ((flags & kHeadCrc) == 0) return {};
    const unsigned computed = crc_ & 0xffffU;
    if (TRY(number(2)) != computed) return corrupt(input_, "header crc mismatch");
    return {};
  }

  // Little endian.
  Result<std::uint32_t> number(unsigned bytes) {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= std::uint32_t{TRY(next())} << (8 * i);
    return value;
  }

 private:
  Result<> skip(std::size_t count) {
    for (; count > 0; --count) static_cast<void>(TRY(next()));
    return {};
  }
  Result<> skip_text() {
    while (TRY(next()) != 0) {
    }
    return {};
  }
  Result<unsigned char> next() {
    TRY(input_.want(1));
    if (input_.held().empty()) return truncated(input_);
    const auto byte = std::to_integer<unsigned char>(input_.held().front());
    input_.drop(1);
    crc_ = ::crc32_gzip_refl(crc_, &byte, 1);
    return byte;
  }

  CompressedInput& input_;
  std::uint32_t crc_ = 0;
};

class GzipReader final : public InflatingReader {
 public:
  explicit GzipReader(CompressedInput input)
      : input_(std::move(input)), state_(std::make_unique<inflate_state>()) {}

  Result<std::size_t> read(std::span<std::byte> buffer) override {
    if (broken_) return std::unexpected(*broken_);
    auto made = read_some(buffer);
    if (!made) broken_ = made.error();
    return made;
  }
  [[nodiscard]] Compression compression() const override { return Compression::gzip; }
  [[nodiscard]] std::uint64_t compressed_bytes() const override { return input_.consumed(); }
  [[nodiscard]] bool padded() const override { return padded_; }

 private:
  Result<std::size_t> read_some(std::span<std::byte> buffer) {
    while (true) {
      if (!inside_ && !TRY(next_member())) return std::size_t{0};
      const std::size_t made = TRY(inflate_some(buffer));
      if (made > 0) return made;
    }
  }

  // false = no further member.
  Result<bool> next_member() {
    TRY(input_.want(2));
    if (began_ && !is_gzip(input_.held())) {
      TRY(skip_padding());
      return false;
    }
    TRY(Frame(input_).skip_head());
    // Plain deflate: ISA-L's modes for gzip take a block that is not the last one for the last on
    // arm64 when the output is full.
    ::isal_inflate_init(state_.get());
    crc_ = size_ = 0;
    began_ = inside_ = true;
    return true;
  }

  Result<> skip_padding() {
    while (true) {
      const auto held = input_.held();
      if (held.empty()) return {};
      if (held.size() == 1 && held[0] == std::byte{0x1f}) {
        return fail(Errc::truncated, "gzip: ends inside a member's magic" + input_.at_byte());
      }
      if (std::ranges::any_of(held, [](std::byte b) { return b != std::byte{0}; })) {
        return corrupt(input_, "bytes that are no gzip member");
      }
      input_.drop(held.size());
      padded_ = true;
      TRY(input_.want(1));
    }
  }

  Result<std::size_t> inflate_some(std::span<std::byte> buffer) {
    // ISA-L inflates ahead into a buffer of its own.
    if (state_->tmp_out_processed == state_->tmp_out_valid) {
      TRY(input_.want(1));
      if (input_.held().empty()) return truncated(input_);
    }
    const Step step = inflate_into(buffer);
    if (step.status < 0) return corrupt(input_, reason(step.status));
    if (state_->block_state == ISAL_BLOCK_FINISH) {
      TRY(end_member());
    } else if (step.made == 0 && step.used == 0) {
      return corrupt(input_, "bad data");
    }
    return step.made;
  }

  struct Step {
    int status;
    std::size_t used, made;
  };
  Step inflate_into(std::span<std::byte> buffer) {
    constexpr std::size_t kMost = 1U << 30U;  // the counters have 32 bits
    const auto held = input_.held();
    const std::size_t room = std::min(buffer.size(), kMost);
    state_->next_in = reinterpret_cast<std::uint8_t*>(held.data());
    state_->avail_in = static_cast<std::uint32_t>(held.size());
    state_->next_out = reinterpret_cast<std::uint8_t*>(buffer.data());
    state_->avail_out = static_cast<std::uint32_t>(room);
    Step step{.status = ::isal_inflate(state_.get()), .used = 0, .made = 0};
    // After an error its counts are wrong, and its last bytes made up; only next_in is right.
    const auto used = reinterpret_cast<std::byte*>(state_->next_in) - held.data();
    step.used = std::min(static_cast<std::size_t>(std::max<std::ptrdiff_t>(used, 0)), held.size());
    if (step.status >= 0) step.made = room - state_->avail_out;
    input_.drop(step.used);
    crc_ =
        ::crc32_gzip_refl(crc_, reinterpret_cast<const unsigned char*>(buffer.data()), step.made);
    size_ += static_cast<std::uint32_t>(step.made);
    return step;
  }

  Result<> end_member() {
    // Whole bytes behind the last block that were taken for bits of it.
    TRY(input_.give_back(static_cast<std::size_t>(std::max(state_->read_in_length, 0)) / 8));
    Frame frame(input_);
    if (TRY(frame.number(4)) != crc_) return corrupt(input_, "incorrect data check");
    if (TRY(frame.number(4)) != size_) return corrupt(input_, "incorrect length check");
    inside_ = false;
    return {};
  }

  CompressedInput input_;
  std::unique_ptr<inflate_state> state_;
  std::uint32_t crc_ = 0, size_ = 0;  // of the member's plain bytes; size modulo 2^32
  std::optional<Error> broken_;       // stays so
  bool began_ = false;                // a first member
  bool padded_ = false;
  bool inside_ = false;  // a member
};

}  // namespace

bool is_gzip(Bytes start) {
  return start.size() >= 2 && start[0] == std::byte{0x1f} && start[1] == std::byte{0x8b};
}

std::unique_ptr<InflatingReader> read_gzip(CompressedInput input) {
  return std::make_unique<GzipReader>(std::move(input));
}

}  // namespace nodeproof
