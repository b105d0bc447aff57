#include "common/layer_inflate.hpp"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <string>

#include "common/layer_gzip.hpp"
#include "common/layer_input.hpp"

namespace nodeproof {

namespace {

// A zstd frame, or a skippable one (RFC 8878, 3.1.2), as containerd's DetectCompression takes them.
bool is_zstd(Bytes start) {
  if (start.size() < 4) return false;
  const auto byte = [&](std::size_t i) { return std::to_integer<std::uint32_t>(start[i]); };
  const std::uint32_t magic = byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24;
  return magic == 0xFD2FB528U || (magic & 0xFFFFFFF0U) == 0x184D2A50U;
}

class PlainReader final : public InflatingReader {
 public:
  explicit PlainReader(CompressedInput input) : input_(std::move(input)) {}
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
  CompressedInput input_;
};

class ZstdReader final : public InflatingReader {
 public:
  ZstdReader(CompressedInput input, unsigned window_log)
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
        return fail(Errc::truncated, "zstd: ends inside a frame" + input_.at_byte());
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
                                         " MiB" + input_.at_byte());
    }
    return fail(Errc::corrupt,
                std::string("zstd: ") + ::ZSTD_getErrorName(status) + input_.at_byte());
  }

  struct Free {
    void operator()(ZSTD_DCtx* context) const { ::ZSTD_freeDCtx(context); }
  };
  CompressedInput input_;
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
  CompressedInput input(compressed);
  TRY(input.want(4));
  const Bytes start = input.held();
  if (is_gzip(start)) return read_gzip(std::move(input));
  if (is_zstd(start)) return std::make_unique<ZstdReader>(std::move(input), zstd_window_log);
  return std::make_unique<PlainReader>(std::move(input));
}

}  // namespace nodeproof
