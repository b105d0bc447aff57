#include "common/packed_zip.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <set>

#include "common/layer_inflate.hpp"

namespace nodeproof {
namespace {

constexpr std::uint64_t kEndBytes = 22, kMaxComment = 65535, kLocatorBytes = 20, kEnd64Bytes = 56,
                        kEntryBytes = 46, kLocalBytes = 30;
constexpr std::uint32_t kEndMagic = 0x06054b50, kLocatorMagic = 0x07064b50,
                        kEnd64Magic = 0x06064b50, kEntryMagic = 0x02014b50,
                        kLocalMagic = 0x04034b50;
constexpr std::uint64_t kMaxDirectory = std::uint64_t{16} << 20;
constexpr std::uint64_t kMaxMembers = 200'000;
constexpr std::size_t kMaxName = 4096;
constexpr std::uint32_t kIn64 = 0xffffffff;  // the field's value is in the zip64 extra field
constexpr std::uint16_t kZip64Extra = 1;

std::unexpected<Error> corrupt(std::string message) {
  return fail(Errc::corrupt, "zip: " + std::move(message));
}

// Little-endian fields of a structure that is there as a whole.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint64_t value(std::size_t at, std::size_t length) const {
    std::uint64_t result = 0;
    for (std::size_t i = length; i > 0; --i) {
      result = (result << 8) | static_cast<unsigned char>(bytes_[at + i - 1]);
    }
    return result;
  }
  [[nodiscard]] std::uint16_t half(std::size_t at) const {
    return static_cast<std::uint16_t>(value(at, 2));
  }
  [[nodiscard]] std::uint32_t word(std::size_t at) const {
    return static_cast<std::uint32_t>(value(at, 4));
  }
  [[nodiscard]] std::uint64_t wide(std::size_t at) const { return value(at, 8); }

 private:
  std::string_view bytes_;
};

Result<std::string> read_bytes(const ByteSource& source, std::uint64_t offset,
                               std::uint64_t length) {
  std::string bytes(static_cast<std::size_t>(length), '\0');
  auto read = source.read_at(offset, std::as_writable_bytes(std::span(bytes)));
  if (!read && read.error().code == Errc::truncated) return corrupt("it ends too early");
  if (!read) return std::unexpected(std::move(read).error());
  return bytes;
}

struct Directory {
  std::uint64_t offset = 0, size = 0, entries = 0;
  std::uint64_t end = 0;  // where the directory ends in the file
};

// 4.3.14 and 4.3.15, where a field of the end record says so.
Result<> widen(const ByteSource& archive, std::uint64_t end_record, Directory& directory) {
  const bool wide = directory.offset == kIn64 || directory.size == kIn64 ||
                    directory.entries == std::numeric_limits<std::uint16_t>::max();
  if (!wide || end_record < kLocatorBytes) return {};
  const std::string locator = TRY(read_bytes(archive, end_record - kLocatorBytes, kLocatorBytes));
  if (Fields(locator).word(0) != kLocatorMagic) return {};
  // Where the locator says; with something before the archive, right before the locator.
  std::uint64_t at = Fields(locator).wide(8);
  const std::uint64_t before = end_record - kLocatorBytes;
  std::string record(kEnd64Bytes, '\0');
  for (const std::uint64_t place : {at, before - std::min(before, kEnd64Bytes)}) {
    auto read = read_bytes(archive, place, kEnd64Bytes);
    if (!read || Fields(*read).word(0) != kEnd64Magic) continue;
    at = place;
    record = *std::move(read);
    break;
  }
  const Fields fields(record);
  if (fields.word(0) != kEnd64Magic) return corrupt("no zip64 end record where one should be");
  directory = {
      .offset = fields.wide(48), .size = fields.wide(40), .entries = fields.wide(32), .end = at};
  return {};
}

// The end record is the last one whose comment reaches to the end of the file (4.3.16).
Result<Directory> find_directory(const ByteSource& archive) {
  if (archive.size() < kEndBytes) return corrupt("it is too short");
  const std::uint64_t length = std::min(archive.size(), kEndBytes + kMaxComment);
  const std::uint64_t base = archive.size() - length;
  const std::string tail = TRY(read_bytes(archive, base, length));
  for (std::size_t at = tail.size() - kEndBytes + 1; at-- > 0;) {
    const Fields fields(std::string_view(tail).substr(at));
    if (fields.word(0) != kEndMagic) continue;
    if (at + kEndBytes + fields.half(20) != tail.size()) continue;
    Directory directory{.offset = fields.word(16),
                        .size = fields.word(12),
                        .entries = fields.half(10),
                        .end = base + at};
    TRY(widen(archive, base + at, directory));
    return directory;
  }
  return corrupt("it has no end record");
}

// 4.5.3: only the fields that did not fit, in this order.
void take_zip64(std::string_view extra, ZipMember& member) {
  while (extra.size() >= 4) {
    const Fields fields(extra);
    const std::size_t length = fields.half(2);
    if (length > extra.size() - 4) return;
    std::string_view body = extra.substr(4, length);
    extra.remove_prefix(4 + length);
    if (fields.half(0) != kZip64Extra) continue;
    for (std::uint64_t* field : {&member.size, &member.packed, &member.header}) {
      if (*field != kIn64 || body.size() < 8) continue;
      *field = Fields(body).wide(0);
      body.remove_prefix(8);
    }
  }
}

// Nothing: the entry does not fit into what is left.
std::optional<ZipMember> take_entry(std::string_view& rest) {
  if (rest.size() < kEntryBytes) return std::nullopt;
  const Fields fields(rest);
  if (fields.word(0) != kEntryMagic) return std::nullopt;
  const std::size_t name = fields.half(28), extra = fields.half(30), comment = fields.half(32);
  if (rest.size() < kEntryBytes + name + extra + comment) return std::nullopt;
  ZipMember member{.name = std::string(rest.substr(kEntryBytes, name)),
                   .method = fields.half(10),
                   .encrypted = (fields.half(8) & 1U) != 0,
                   .crc = fields.word(16),
                   .packed = fields.word(20),
                   .size = fields.word(24),
                   .header = fields.word(42)};
  take_zip64(rest.substr(kEntryBytes + name, extra), member);
  rest.remove_prefix(kEntryBytes + name + extra + comment);
  return member;
}

// A member's deflated bytes with the head and the end that make them a gzip member (RFC 1952).
class AsGzip final : public ByteReader {
 public:
  AsGzip(const ByteSource& archive, std::uint64_t offset, const ZipMember& member)
      : archive_(archive), offset_(offset), left_(member.packed) {
    for (const std::uint64_t number : {std::uint64_t{member.crc}, member.size}) {
      for (unsigned shift = 0; shift < 32; shift += 8) {
        end_ += static_cast<char>(number >> shift);
      }
    }
  }

  Result<std::size_t> read(std::span<std::byte> buffer) override {
    if (!head_.empty()) return give(head_, buffer);
    if (left_ == 0) return give(end_, buffer);
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left_));
    TRY(archive_.read_at(offset_, buffer.first(length)));
    offset_ += length;
    left_ -= length;
    return length;
  }

 private:
  static std::size_t give(std::string& text, std::span<std::byte> buffer) {
    const std::size_t length = std::min(text.size(), buffer.size());
    std::ranges::copy(as_bytes(text).first(length), buffer.begin());
    text.erase(0, length);
    return length;
  }

  const ByteSource& archive_;
  std::uint64_t offset_, left_;
  std::string head_{"\x1f\x8b\x08\0\0\0\0\0\0\xff", 10};
  std::string end_;
};

Result<std::string> inflate_start(const ByteSource& archive, const ZipMember& member,
                                  std::size_t length) {
  AsGzip packed(archive, TRY(zip_data_offset(archive, member)), member);
  constexpr unsigned kNoZstd = 10;
  const auto plain = TRY(inflate(packed, kNoZstd));
  std::string text(length, '\0');
  std::size_t done = 0;
  while (done < length) {
    const auto space = std::as_writable_bytes(std::span(text)).subspan(done);
    const std::size_t read = TRY(plain->read(space));
    if (read == 0) break;
    done += read;
  }
  text.resize(done);
  if (done < length || member.size != length) return text;
  // To its end, where the checksum is compared.
  std::array<std::byte, 1> beyond{};
  if (TRY(plain->read(beyond)) != 0) return corrupt("a member is longer than its entry says");
  return text;
}

}  // namespace

Result<std::vector<ZipMember>> read_zip_directory(const ByteSource& archive) {
  const Directory directory = TRY(find_directory(archive));
  if (directory.size > kMaxDirectory || directory.entries > kMaxMembers) {
    return fail(Errc::too_large, "zip: its directory is beyond the limit");
  }
  if (directory.size > directory.end) return corrupt("its directory is longer than the file");
  // What stands before the archive (a launcher script) is not counted in its offsets.
  const std::uint64_t begin = directory.end - directory.size;
  if (directory.offset > begin) return corrupt("its directory is not where it should be");
  const std::uint64_t shift = begin - directory.offset;
  const std::string bytes = TRY(read_bytes(archive, begin, directory.size));
  std::vector<ZipMember> members;
  std::set<std::uint64_t> headers;
  std::string_view rest = bytes;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    auto member = take_entry(rest);
    if (!member) return corrupt("entry " + std::to_string(i) + " of its directory");
    if (member->header > archive.size() - std::min(archive.size(), shift)) {
      return corrupt("a member beyond its end");
    }
    member->header += shift;
    // One piece of data under many names costs nothing to write, and much to read.
    if (!headers.insert(member->header).second) return corrupt("two members in one place");
    if (member->name.size() <= kMaxName) members.push_back(*std::move(member));
  }
  return members;
}

Result<std::uint64_t> zip_data_offset(const ByteSource& archive, const ZipMember& member) {
  const std::string header = TRY(read_bytes(archive, member.header, kLocalBytes));
  const Fields fields(header);
  if (fields.word(0) != kLocalMagic) return corrupt("a member without its header");
  const std::uint64_t begin = member.header + kLocalBytes + fields.half(26) + fields.half(28);
  if (begin > archive.size() || member.packed > archive.size() - begin) {
    return corrupt("a member beyond its end");
  }
  return begin;
}

Result<std::string> read_zip_member(const ByteSource& archive, const ZipMember& member,
                                    std::size_t length) {
  length = static_cast<std::size_t>(std::min<std::uint64_t>(length, member.size));
  if (member.method == kZipDeflated) return inflate_start(archive, member, length);
  return read_bytes(archive, TRY(zip_data_offset(archive, member)),
                    std::min<std::uint64_t>(length, member.packed));
}

}  // namespace nodeproof
