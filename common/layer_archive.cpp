#include "common/layer_archive.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/text.hpp"

namespace nodeproof {
namespace {

constexpr std::size_t kBlockBytes = 128 << 10;
// A map of a sparse file counts as its header, and takes many times its size in memory.
constexpr std::size_t kMostHeader = 8 << 20;

}  // namespace

void TarStream::Free::operator()(archive* handle) const { ::archive_read_free(handle); }

TarStream::TarStream(ByteReader& plain, std::uint64_t most_bytes)
    : plain_(plain),
      most_bytes_(most_bytes),
      buffer_(kBlockBytes),
      before_(kBlockBytes),
      archive_(::archive_read_new()) {}

TarStream::~TarStream() = default;

Result<bool> TarStream::open() {
  archive* handle = archive_.get();
  if (handle == nullptr) return fail(Errc::internal, "tar: libarchive cannot start");
  first_ = TRY(fill());
  if (first_->empty()) return false;
  ::archive_read_support_format_tar(handle);
  // Names are bytes; nothing is converted to a locale.
  ::archive_read_set_options(handle, "hdrcharset=BINARY");
  ::archive_read_set_callback_data(handle, this);
  ::archive_read_set_read_callback(handle, read_block);
  if (::archive_read_open1(handle) != ARCHIVE_OK) return wrong();
  return true;
}

Result<archive_entry*> TarStream::next() {
  archive_entry* entry = nullptr;
  if (std::exchange(begun_, true) && ::archive_read_data_skip(archive_.get()) < ARCHIVE_WARN) {
    return wrong();  // the next header would be taken for the end
  }
  heading_ = 1;
  const int status = ::archive_read_next_header(archive_.get(), &entry);
  heading_ = 0;
  if (status == ARCHIVE_EOF) return nullptr;
  if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return wrong();
  warned_ = status == ARCHIVE_WARN;
  current_ = printable(text_of(::archive_entry_pathname(entry)));
  return entry;
}

// Of a name that is no text in this locale its bytes are kept; any other warning tells of a loss.
std::string TarStream::loss() const {
  if (!warned_) return {};
  const std::string_view why = text_of(::archive_error_string(archive_.get()));
  return why.contains("can't be converted") ? std::string() : printable(why);
}

Result<std::optional<TarStream::Block>> TarStream::block() {
  const void* bytes = nullptr;
  std::size_t length = 0;
  la_int64_t offset = 0;
  const int status = ::archive_read_data_block(archive_.get(), &bytes, &length, &offset);
  if (status == ARCHIVE_EOF) return std::nullopt;
  if (status != ARCHIVE_OK) return wrong();
  return Block{Bytes(static_cast<const std::byte*>(bytes), length), offset};
}

Result<> TarStream::drain() {
  while (!TRY(fill()).empty()) {
  }
  return {};
}

// The header ends where the content begins.
TarStream::RawTypes TarStream::raw_types() const {
  archive* handle = archive_.get();
  constexpr std::int64_t kHeader = 512;
  return {type_at(::archive_read_header_position(handle)),
          type_at(::archive_filter_bytes(handle, 0) - kHeader)};
}

char TarStream::type_at(std::int64_t header) const {
  constexpr std::int64_t kType = 156;  // POSIX ustar: typeflag
  const auto end = static_cast<std::int64_t>(total_);
  const auto begin = end - static_cast<std::int64_t>(held_);
  const std::int64_t at = header + kType - begin;
  if (at >= 0 && header + kType < end) return static_cast<char>(buffer_[static_cast<size_t>(at)]);
  const std::int64_t earlier = at + static_cast<std::int64_t>(held_before_);
  if (at >= 0 || earlier < 0) return '\0';
  return static_cast<char>(before_[static_cast<std::size_t>(earlier)]);
}

// libarchive has no bytes of the buffer that is filled: what it keeps of the last one it copies.
// What came before an error, or within the limit, comes first.
Result<Bytes> TarStream::fill() {
  if (failed_) return std::unexpected(*failed_);
  buffer_.swap(before_);
  held_before_ = std::exchange(held_, 0);
  const auto room =
      static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), most_bytes_ - total_ + 1));
  while (held_ < room && !failed_) {
    const auto got = plain_.read(std::span(buffer_).subspan(held_, room - held_));
    if (!got) failed_ = got.error();
    if (!got || *got == 0) break;
    held_ += *got;
  }
  if (total_ + held_ > most_bytes_) {
    --held_;
    failed_ =
        fail(Errc::too_large, "layer: more than " + human_bytes(most_bytes_) + " when unpacked")
            .error();
  }
  total_ += held_;
  if (held_ == 0 && failed_) return std::unexpected(*failed_);
  return Bytes(buffer_).first(held_);
}

std::ptrdiff_t TarStream::read_block(archive* handle, void* self, const void** block) {
  auto& stream = *static_cast<TarStream*>(self);
  Result<Bytes> bytes = stream.first_ ? Result<Bytes>(*stream.first_) : stream.fill();
  stream.first_.reset();
  if (bytes && stream.heading_ > 0) stream.heading_ += bytes->size();
  if (bytes && stream.heading_ > kMostHeader) {
    bytes = fail(Errc::too_large, "a header of more than " + human_bytes(kMostHeader));
  }
  if (!bytes) {
    stream.error_ = std::move(bytes).error();
    ::archive_set_error(handle, EIO, "%s", "the stream broke off");
    return -1;
  }
  *block = bytes->data();
  return static_cast<std::ptrdiff_t>(bytes->size());
}

std::unexpected<Error> TarStream::wrong() {
  const std::string where = current_.empty() ? "at its start" : "at or behind " + current_;
  if (error_) return std::unexpected(std::move(*error_).with_context("tar, " + where));
  const std::string why = printable(text_of(::archive_error_string(archive_.get())));
  const std::string at = " (byte " + std::to_string(total_) + " read)";
  const bool truncated = why.starts_with("Truncated");
  return fail(truncated ? Errc::truncated : Errc::corrupt, "tar, " + where + ": " + why + at);
}

std::optional<EntryType> entry_type(archive_entry* entry) {
  if (::archive_entry_hardlink(entry) != nullptr) return EntryType::hard_link;
  switch (::archive_entry_filetype(entry)) {
    case AE_IFREG:
      return EntryType::file;
    case AE_IFDIR:
      return EntryType::directory;
    case AE_IFLNK:
      return EntryType::symlink;
    case AE_IFCHR:
      return EntryType::character_device;
    case AE_IFBLK:
      return EntryType::block_device;
    case AE_IFIFO:
      return EntryType::fifo;
    default:
      return std::nullopt;
  }
}

Result<std::string> clean_path(std::string_view raw, const LayerLimits& limits) {
  std::string path;
  std::size_t depth = 0;
  while (!raw.empty()) {
    const std::size_t slash = std::min(raw.find('/'), raw.size());
    const std::string_view part = raw.substr(0, slash);
    raw.remove_prefix(std::min(slash + 1, raw.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") return fail(Errc::unsupported, "\"..\" in its path");
    if (!path.empty()) path += '/';
    path += part;
    ++depth;
  }
  if (depth > limits.path_depth) {
    return fail(Errc::too_large,
                "more than " + std::to_string(limits.path_depth) + " directories in its path");
  }
  if (path.size() > limits.path_bytes) {
    return fail(Errc::too_large,
                "a path of more than " + std::to_string(limits.path_bytes) + " bytes");
  }
  return path;
}

std::string_view text_of(const char* text) { return text == nullptr ? "" : text; }

}  // namespace nodeproof
