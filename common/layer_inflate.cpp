#include "common/layer_inflate.hpp"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <vector>

namespace nodeproof {

namespace {

constexpr std::size_t kInputBytes = 1 << 16;

// Compressed bytes with a look-ahead.
class Input {
 public:
  explicit Input(ByteReader& reader) : reader_(reader), buffer_(kInputBytes) {}

  // Makes at least `wanted` bytes available unless the stream ends before.
  Result<> want(std::size_t wanted) {
    if (held().size() >= wanted) return {};
    std::copy(buffer_.begin() + offset(start_), buffer_.begin() + offset(end_), buffer_.begin());
    end_ -= start_;
    start_ = 0;
    while (!ended_ && end_ < wanted) {
      const std::size_t got = TRY(reader_.read(std::span(buffer_).subspan(end_)));
      end_ += got;
      ended_ = got == 0;
    }
    return {};
  }

  [[nodiscard]] std::span<std::byte> held() {
    return std::span(buffer_).subspan(start_, end_ - start_);
  }
  void drop(std::size_t count) {
    start_ += count;
    consumed_ += count;
  }
  [[nodiscard]] std::uint64_t consumed() const { return consumed_; }

 private:
  static std::ptrdiff_t offset(std::size_t at) { return static_cast<std::ptrdiff_t>(at); }

  ByteReader& reader_;
  std::vector<std::byte> buffer_;
  std::size_t start_ = 0, end_ = 0;
  std::uint64_t consumed_ = 0;
  bool ended_ = false;
};

std::string at_byte(const Input& input) {
  return " at compressed byte " + std::to_string(input.consumed());
}

bool is_gzip(Bytes start) {
  return start.size() >= 2 && start[0] == std::byte{0x1f} && start[1] == std::byte{0x8b};
}

// A zstd frame, or a skippable one (RFC 8878, 3.1.2), as containerd's DetectCompression takes them.
bool is_zstd(Bytes start) {
  if (start.size() < 4) return false;
  const auto byte = [&](std::size_t i) { return std::to_integer<std::uint32_t>(start[i]); };
  const std::uint32_t magic = byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24;
  return magic == 0xFD2FB528U || (magic & 0xFFFFFFF0U) == 0x184D2A50U;
}

class PlainReader final : public InflatingReader {
 public:
  explicit PlainReader(Input input) : input_(std::move(input)) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    TRY(input_.want(1));
    const auto held = input_.held();
    const std::size_t count = std::min(buffer.size(), held.size());
    std::ranges::copy(held.first(count), buffer.begin());
    input_.drop(count);
    return count;
  }
  [[nodiscard]] Compression compression() const override { return Compression::none; }
  [[nodiscard]] std::uint64_t compressed_bytes() const override { return input_.consumed(); }

 private:
  Input input_;
};

class GzipReader final : public InflatingReader {
 public:
  explicit GzipReader(Input input) : input_(std::move(input)) {}
  ~GzipReader() override {
    if (open_) ::inflateEnd(&stream_);
  }
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  Result<std::size_t> read(std::span<std::byte> buffer) override {
    while (true) {
      if (!inside_ && !TRY(next_member())) return std::size_t{0};
      const std::size_t made = TRY(inflate_some(buffer));
      if (made > 0) return made;
    }
  }
  [[nodiscard]] Compression compression() const override { return Compression::gzip; }
  [[nodiscard]] std::uint64_t compressed_bytes() const override { return input_.consumed(); }

 private:
  // false = no further member.
  Result<bool> next_member() {
    TRY(input_.want(2));
    if (open_ && !is_gzip(input_.held())) {
      TRY(skip_padding());
      return false;
    }
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    const int status =
        open_ ? ::inflateReset2(&stream_, kGzipOnly) : ::inflateInit2(&stream_, kGzipOnly);
    if (status != Z_OK) return fail(Errc::internal, "gzip: zlib cannot start");
    open_ = inside_ = true;
    return true;
  }

  Result<> skip_padding() {
    while (true) {
      const auto held = input_.held();
      if (held.empty()) return {};
      if (held.size() == 1 && held[0] == std::byte{0x1f}) {
        return fail(Errc::truncated, "gzip: ends inside a member's magic" + at_byte(input_));
      }
      if (std::ranges::any_of(held, [](std::byte b) { return b != std::byte{0}; })) {
        return fail(Errc::corrupt, "gzip: bytes that are no gzip member" + at_byte(input_));
      }
      input_.drop(held.size());
      TRY(input_.want(1));
    }
  }

  Result<std::size_t> inflate_some(std::span<std::byte> buffer) {
    TRY(input_.want(1));
    const auto held = input_.held();
    if (held.empty()) {
      return fail(Errc::truncated, "gzip: ends inside a member" + at_byte(input_));
    }
    const std::size_t room = std::min<std::size_t>(buffer.size(), std::numeric_limits<uInt>::max());
    stream_.next_in = reinterpret_cast<Bytef*>(held.data());
    stream_.avail_in = static_cast<uInt>(held.size());
    stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream_.avail_out = static_cast<uInt>(room);
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    input_.drop(held.size() - stream_.avail_in);
    if (status == Z_STREAM_END) inside_ = false;
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      return fail(Errc::corrupt, std::string("gzip: ") +
                                     (stream_.msg != nullptr ? stream_.msg : "bad data") +
                                     at_byte(input_));
    }
    return room - stream_.avail_out;
  }

  Input input_;
  z_stream stream_{};
  bool open_ = false;    // zlib's state is ours to free
  bool inside_ = false;  // a member
};

class ZstdReader final : public InflatingReader {
 public:
  ZstdReader(Input input, unsigned window_log)
      : input_(std::move(input)), window_log_(window_log), context_(::ZSTD_createDCtx()) {
    ::ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, static_cast<int>(window_log));
  }

  Result<std::size_t> read(std::span<std::byte> buffer) override {
    while (true) {
      TRY(input_.want(1));
      const auto held = input_.held();
      if (held.empty() && !inside_) return std::size_t{0};
      ZSTD_inBuffer in{held.data(), held.size(), 0};
      ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
      const std::size_t status = ::ZSTD_decompressStream(context_.get(), &out, &in);
      if (::ZSTD_isError(status) != 0) return wrong(status);
      input_.drop(in.pos);
      inside_ = status != 0;
      if (out.pos > 0) return out.pos;
      if (held.empty()) {
        return fail(Errc::truncated, "zstd: ends inside a frame" + at_byte(input_));
      }
    }
  }
  [[nodiscard]] Compression compression() const override { return Compression::zstd; }
  [[nodiscard]] std::uint64_t compressed_bytes() const override { return input_.consumed(); }

 private:
  [[nodiscard]] std::unexpected<Error> wrong(std::size_t status) const {
    if (::ZSTD_getErrorCode(status) == ZSTD_error_frameParameter_windowTooLarge) {
      return fail(Errc::unsupported, "zstd: a window larger than " +
                                         std::to_string((std::size_t{1} << window_log_) >> 20) +
                                         " MiB" + at_byte(input_));
    }
    return fail(Errc::corrupt,
                std::string("zstd: ") + ::ZSTD_getErrorName(status) + at_byte(input_));
  }

  struct Free {
    void operator()(ZSTD_DCtx* context) const { ::ZSTD_freeDCtx(context); }
  };
  Input input_;
  unsigned window_log_;
  std::unique_ptr<ZSTD_DCtx, Free> context_;
  bool inside_ = false;  // a frame
};

}  // namespace

std::string_view to_string(Compression compression) {
  switch (compression) {
    case Compression::none:
      return "none";
    case Compression::gzip:
      return "gzip";
    case Compression::zstd:
      return "zstd";
  }
  return "none";
}

Result<std::unique_ptr<InflatingReader>> inflate(ByteReader& compressed, unsigned zstd_window_log) {
  Input input(compressed);
  TRY(input.want(4));
  const Bytes start = input.held();
  if (is_gzip(start)) return std::make_unique<GzipReader>(std::move(input));
  if (is_zstd(start)) return std::make_unique<ZstdReader>(std::move(input), zstd_window_log);
  return std::make_unique<PlainReader>(std::move(input));
}

}  // namespace nodeproof
