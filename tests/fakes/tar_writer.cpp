#include "tests/fakes/tar_writer.hpp"

#include <algorithm>
#include <cstring>

namespace nodeproof::fakes {

namespace {

constexpr std::size_t kBlock = 512;

void put(std::string& block, std::size_t at, std::string_view text) {
  std::memcpy(block.data() + at, text.data(), text.size());
}

std::string octal(std::uint64_t value, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i-- > 0; value /= 8) text[i] = static_cast<char>('0' + value % 8);
  return text;
}

void little(std::string& out, std::uint64_t value, std::size_t length) {
  for (std::size_t i = 0; i < length; ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

}  // namespace

void TarWriter::header(std::string_view path, const Header& header) {
  std::string block(kBlock, '\0');
  put(block, 0, path.substr(0, 100));
  put(block, 100, octal(header.mode, 7));
  put(block, 108, octal(uid_, 7));
  put(block, 116, octal(gid_, 7));
  put(block, 124, octal(header.size, 11));
  put(block, 136, octal(0, 11));
  block[156] = header.type;
  put(block, 157, header.link.substr(0, 100));
  put(block, 257, std::string_view("ustar\00000", 8));
  put(block, 329, octal(header.major, 7));
  put(block, 337, octal(header.minor, 7));
  put(block, 148, "        ");
  std::uint64_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put(block, 148, octal(sum, 6));
  block[154] = '\0';
  out_ += block;
}

void TarWriter::content(std::string_view bytes) {
  out_ += bytes;
  out_.append((kBlock - bytes.size() % kBlock) % kBlock, '\0');
}

TarWriter& TarWriter::directory(std::string_view path, unsigned mode) {
  header(path, {'5', mode, 0, ""});
  return *this;
}

TarWriter& TarWriter::file(std::string_view path, std::string_view bytes, unsigned mode) {
  header(path, {'0', mode, bytes.size(), ""});
  content(bytes);
  return *this;
}

TarWriter& TarWriter::symlink(std::string_view path, std::string_view target) {
  header(path, {'2', 0777, 0, target});
  return *this;
}

TarWriter& TarWriter::hard_link(std::string_view path, std::string_view target) {
  header(path, {'1', 0644, 0, target});
  return *this;
}

TarWriter& TarWriter::special(std::string_view path, char type) {
  header(path, {type, 0644, 0, ""});
  return *this;
}

TarWriter& TarWriter::device(std::string_view path, char type, unsigned major, unsigned minor) {
  header(path, {type, 0644, 0, "", major, minor});
  return *this;
}

TarWriter& TarWriter::pax(const std::vector<std::pair<std::string, std::string>>& records) {
  std::string text;
  for (const auto& [key, value] : records) {
    const std::size_t rest = key.size() + value.size() + 3;  // " ", "=", "\n"
    std::size_t length = rest + 1;
    while (std::to_string(length).size() + rest != length) ++length;
    text += std::to_string(length) + " " + key + "=" + value + "\n";
  }
  header("PaxHeaders/x", {'x', 0644, text.size(), ""});
  content(text);
  return *this;
}

TarWriter& TarWriter::gnu_long(char type, std::string_view text) {
  header("././@LongLink", {type, 0644, text.size() + 1, ""});
  content(std::string(text) + '\0');
  return *this;
}

TarWriter& TarWriter::owner(unsigned uid, unsigned gid) {
  uid_ = uid;
  gid_ = gid;
  return *this;
}

std::string TarWriter::str() const { return out_ + std::string(2 * kBlock, '\0'); }

std::string gzip(std::string_view bytes) {
  std::string out("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
  std::string_view rest = bytes;
  do {
    const std::string_view piece = rest.substr(0, 0xffff);
    rest.remove_prefix(piece.size());
    little(out, rest.empty() ? 1 : 0, 1);
    little(out, piece.size(), 2);
    little(out, ~piece.size(), 2);
    out += piece;
  } while (!rest.empty());
  little(out, crc32(bytes), 4);
  little(out, bytes.size(), 4);
  return out;
}

std::string zstd(std::string_view bytes, unsigned window_log) {
  std::string out("\x28\xb5\x2f\xfd\0", 5);
  little(out, (window_log - 10) << 3, 1);
  do {
    const std::string_view piece = bytes.substr(0, std::min<std::size_t>(bytes.size(), 1024));
    bytes.remove_prefix(piece.size());
    little(out, (bytes.empty() ? 1U : 0U) | piece.size() << 3, 3);
    out += piece;
  } while (!bytes.empty());
  return out;
}

std::string zstd_skippable(std::string_view bytes) {
  std::string out("\x50\x2a\x4d\x18", 4);
  little(out, bytes.size(), 4);
  return out += bytes;
}

}  // namespace nodeproof::fakes
