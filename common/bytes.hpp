// Streams of bytes between rooms: who produces calls a sink, who consumes asks a reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "common/error.hpp"

namespace nodeproof {

using Bytes = std::span<const std::byte>;

// Takes a piece of a stream; an error stops the producer, which returns that error.
using ByteSink = std::function<Result<>(Bytes)>;

// A pull stream. read() returns 0 at the end, else 1..buffer.size() bytes.
class ByteReader {
 public:
  virtual ~ByteReader() = default;
  virtual Result<std::size_t> read(std::span<std::byte> buffer) = 0;
};

// Random access to a whole object (an ELF file in memory or spooled).
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // Fills the buffer wholly from offset or fails (Errc::truncated past the end).
  virtual Result<> read_at(std::uint64_t offset, std::span<std::byte> buffer) const = 0;
};

inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace nodeproof
