// A layer blob's compression, found by its first bytes as containerd does (image-spec layer.md; RFC
// 1952, RFC 8878).
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "common/bytes.hpp"

namespace nodeproof {

enum class Compression { none, gzip, zstd };
std::string_view to_string(Compression compression);

// A reader of the plain bytes. Errors: truncated (ends inside a member or frame), corrupt,
// unsupported (a zstd window beyond the limit), or the compressed reader's own.
class InflatingReader : public ByteReader {
 public:
  [[nodiscard]] virtual Compression compression() const = 0;
  [[nodiscard]] virtual std::uint64_t compressed_bytes() const = 0;  // read so far
  // At the end: zeros stood behind the last gzip member, which Go's reader (containerd's) refuses.
  [[nodiscard]] virtual bool padded() const { return false; }
};

// Borrows the compressed reader. Several gzip members, several zstd frames and skippable frames
// make one stream; zero bytes behind the last gzip member are padding.
Result<std::unique_ptr<InflatingReader>> inflate(ByteReader& compressed, unsigned zstd_window_log);

}  // namespace nodeproof
