// Gzip streams made by zlib, and what zlib says about a stream: the measure for our own reader.
#pragma once

#include <zlib.h>

#include <optional>
#include <string>
#include <string_view>

namespace nodeproof {

struct Deflate {
  int level = 6;
  int strategy = Z_DEFAULT_STRATEGY;
  int memory = 8;       // small: many short blocks
  int flush_every = 0;  // plain bytes between two flushes
  int flush = Z_SYNC_FLUSH;
  bool wrapped = true;  // a gzip member, else bare deflate
};

inline std::string deflated(std::string_view plain, const Deflate& how) {
  z_stream stream{};
  const int bits = how.wrapped ? 16 + MAX_WBITS : -MAX_WBITS;
  if (::deflateInit2(&stream, how.level, Z_DEFLATED, bits, how.memory, how.strategy) != Z_OK) {
    return {};
  }
  std::string out;
  const auto put = [&](std::string_view piece, int flush) {
    std::string text(piece);
    stream.next_in = reinterpret_cast<Bytef*>(text.data());
    stream.avail_in = static_cast<uInt>(text.size());
    do {
      std::string space(1 << 16, '\0');
      stream.next_out = reinterpret_cast<Bytef*>(space.data());
      stream.avail_out = static_cast<uInt>(space.size());
      ::deflate(&stream, flush);
      out.append(space, 0, space.size() - stream.avail_out);
    } while (stream.avail_out == 0);
  };
  const auto step = static_cast<std::size_t>(how.flush_every);
  while (step > 0 && plain.size() > step) {
    put(plain.substr(0, step), how.flush);
    plain.remove_prefix(step);
  }
  put(plain, Z_FINISH);
  ::deflateEnd(&stream);
  return out;
}

// One bare deflate stream; nothing when zlib refuses it or it does not end.
inline std::optional<std::string> zlib_inflated(std::string_view deflate, std::size_t limit) {
  z_stream stream{};
  if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) return std::nullopt;
  std::string in(deflate);
  std::string out(limit, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = ::inflate(&stream, Z_FINISH);
  out.resize(limit - stream.avail_out);
  const bool all = status == Z_STREAM_END && stream.avail_in == 0;
  ::inflateEnd(&stream);
  return all ? std::optional(out) : std::nullopt;
}

inline std::string little_endian(unsigned long number, unsigned bytes) {
  std::string text;
  for (unsigned i = 0; i < bytes; ++i) text += static_cast<char>(number >> (8 * i));
  return text;
}

inline unsigned long zlib_crc(std::string_view plain) {
  return ::crc32(0, reinterpret_cast<const Bytef*>(plain.data()), static_cast<uInt>(plain.size()));
}

// A member around a bare deflate stream of that content. `flags` and `fields` as RFC 1952, 2.3.
inline std::string member_of(std::string_view deflate, std::string_view plain, char flags = 0,
                             std::string_view fields = {}) {
  std::string out = std::string("\x1f\x8b\x08", 3) + flags + std::string("\1\2\3\4\0\xff", 6);
  out += fields;
  out += deflate;
  return out + little_endian(zlib_crc(plain), 4) + little_endian(plain.size(), 4);
}

}  // namespace nodeproof
