#include "common/layer_reader.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "common/crypto.hpp"
#include "common/text.hpp"

namespace nodeproof {

namespace {

constexpr std::size_t kBlockBytes = 1 << 17;
// A map of a sparse file counts as its header, and takes many times its size in memory.
constexpr std::size_t kMostHeader = 8 << 20;

// The plain tar: hashed, counted and handed on while it is read.
class PlainTar {
 public:
  PlainTar(InflatingReader& reader, PlainSink* sink, const LayerLimits& limits)
      : reader_(reader), sink_(sink), limits_(limits), buffer_(kBlockBytes) {}

  // Empty = the end. The bytes are good until the next call.
  Result<Bytes> next() {
    auto bytes = read();
    if (!bytes) {
      error_ = bytes.error();
    } else if (sink_ != nullptr && !bytes->empty() && !sink_->write(*bytes)) {
      sink_ = nullptr;
    }
    return bytes;
  }
  // What stands behind the end-of-archive mark belongs to the diff ID.
  Result<> drain() {
    while (!TRY(next()).empty()) {
    }
    return {};
  }
  // That many bytes are within the limits for what was read so far.
  [[nodiscard]] Result<> check(std::uint64_t plain_bytes) const {
    if (plain_bytes > limits_.plain_bytes) {
      return fail(Errc::too_large,
                  "layer: more than " + human_bytes(limits_.plain_bytes) + " when unpacked");
    }
    const std::uint64_t compressed = std::max<std::uint64_t>(reader_.compressed_bytes(), 1);
    if (plain_bytes > limits_.ratio_floor && plain_bytes / compressed > limits_.ratio) {
      return fail(Errc::too_large, "layer: unpacks to more than " + std::to_string(limits_.ratio) +
                                       " times its size");
    }
    return {};
  }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] Digest diff_id() { return hasher_.finish(); }  // once
  [[nodiscard]] bool padded() const { return reader_.padded(); }
  // Why next() cannot go on; none = it can, or is at the end.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  Result<Bytes> read() {
    const std::size_t got = TRY(reader_.read(buffer_));
    const Bytes bytes = Bytes(buffer_).first(got);
    hasher_.update(bytes);
    total_ += got;
    TRY(check(total_));
    return bytes;
  }

  InflatingReader& reader_;
  PlainSink* sink_;  // none = nobody wants them, or no more of them
  const LayerLimits& limits_;
  std::vector<std::byte> buffer_;
  Hasher hasher_;
  std::uint64_t total_ = 0;
  std::optional<Error> error_;
};

// "./a//b/" -> "a/b"; an error says why there is no such path in a root file system.
std::expected<std::string, std::string_view> normalise(std::string_view raw,
                                                       const LayerLimits& limits) {
  std::string path;
  std::size_t depth = 0;
  while (!raw.empty()) {
    const std::size_t slash = std::min(raw.find('/'), raw.size());
    const std::string_view part = raw.substr(0, slash);
    raw.remove_prefix(std::min(slash + 1, raw.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") return std::unexpected("\"..\" in its path");
    if (!path.empty()) path += '/';
    path += part;
    if (++depth > limits.path_depth) return std::unexpected("too many folders in its path");
  }
  if (path.size() > limits.path_bytes) return std::unexpected("too long a path");
  return path;
}

std::optional<EntryType> type_of(archive_entry* entry) {
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

std::string_view text_of(const char* text) { return text == nullptr ? "" : text; }

std::uint32_t id_of(la_int64_t id) {
  constexpr la_int64_t kMax = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<la_int64_t>(id, 0, kMax));
}

class TarReader {
 public:
  TarReader(PlainTar& tar, LayerVisitor& visitor, const LayerLimits& limits)
      : tar_(tar), visitor_(visitor), limits_(limits), archive_(::archive_read_new()) {}

  Result<> run(LayerSummary& summary) {
    // A blob of no bytes at all is an empty layer for containerd; libarchive would call it no
    // archive.
    first_ = TRY(tar_.next());
    if (first_->empty()) return {};
    TRY(open());
    while (true) {
      archive_entry* entry = nullptr;
      if (summary.entries > 0 && ::archive_read_data_skip(archive_.get()) < ARCHIVE_WARN) {
        return wrong();  // the next header would be taken for the end
      }
      heading_ = 1;
      const int status = ::archive_read_next_header(archive_.get(), &entry);
      heading_ = 0;
      if (status == ARCHIVE_EOF) break;
      if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return wrong();
      if (++summary.entries > limits_.entries) {
        return fail(Errc::too_large,
                    "layer: more than " + std::to_string(limits_.entries) + " entries");
      }
      TRY(take(entry, summary));
    }
    return tar_.drain();
  }

 private:
  static la_ssize_t read_block(archive* handle, void* self, const void** block) {
    auto& reader = *static_cast<TarReader*>(self);
    Result<Bytes> bytes = reader.first_ ? Result<Bytes>(*reader.first_) : reader.tar_.next();
    reader.first_.reset();
    if (bytes && reader.heading_ > 0) reader.heading_ += bytes->size();
    if (bytes && reader.heading_ > kMostHeader) {
      bytes = fail(Errc::too_large, "a header of more than " + human_bytes(kMostHeader));
    }
    if (!bytes) {
      reader.error_ = std::move(bytes).error();
      ::archive_set_error(handle, EIO, "%s", "the stream broke off");
      return -1;
    }
    *block = bytes->data();
    return static_cast<la_ssize_t>(bytes->size());
  }

  Result<> open() {
    archive* handle = archive_.get();
    if (handle == nullptr) return fail(Errc::internal, "tar: libarchive cannot start");
    ::archive_read_support_format_tar(handle);
    // Names are bytes; nothing is converted to a locale.
    ::archive_read_set_options(handle, "hdrcharset=BINARY");
    ::archive_read_set_callback_data(handle, this);
    ::archive_read_set_read_callback(handle, read_block);
    if (::archive_read_open1(handle) != ARCHIVE_OK) return wrong();
    return {};
  }

  Result<> take(archive_entry* entry, LayerSummary& summary) {
    const std::string_view raw = text_of(::archive_entry_pathname(entry));
    current_ = printable(raw);
    auto made = describe(entry, raw);
    if (!made) {
      if (summary.refused++ == 0) {
        summary.first_refused = current_ + ": " + std::string(made.error());
      }
      return {};  // its content is skipped by the next header
    }
    TRY(visitor_.begin(*made));
    if (made->type == EntryType::file) TRY(content());
    return visitor_.end();
  }

  [[nodiscard]] std::expected<LayerEntry, std::string_view> describe(archive_entry* entry,
                                                                     std::string_view raw) const {
    const auto type = type_of(entry);
    if (!type) return std::unexpected("a type no file system has");
    auto path = normalise(raw, limits_);
    if (!path) return std::unexpected(path.error());
    LayerEntry made;
    made.path = *std::move(path);
    made.type = *type;
    made.mode = static_cast<std::uint32_t>(::archive_entry_perm(entry)) & 07777U;
    made.uid = id_of(::archive_entry_uid(entry));
    made.gid = id_of(::archive_entry_gid(entry));
    if (made.type == EntryType::file) {
      made.size = static_cast<std::uint64_t>(std::max<la_int64_t>(::archive_entry_size(entry), 0));
    }
    if (made.type == EntryType::symlink) {
      made.link_target = text_of(::archive_entry_symlink(entry));
    }
    if (made.type == EntryType::hard_link) {
      auto target = normalise(text_of(::archive_entry_hardlink(entry)), limits_);
      if (!target) return std::unexpected(target.error());
      made.link_target = *std::move(target);
    }
    return made;
  }

  // Holes of sparse files are given as zeros, as they read back from the unpacked file.
  Result<> content() {
    la_int64_t at = 0;
    while (true) {
      const void* block = nullptr;
      std::size_t length = 0;
      la_int64_t offset = 0;
      const int status = ::archive_read_data_block(archive_.get(), &block, &length, &offset);
      if (status != ARCHIVE_OK && status != ARCHIVE_EOF && status != ARCHIVE_WARN) return wrong();
      TRY(zeros(offset - at));
      if (status == ARCHIVE_EOF) return {};
      TRY(show(Bytes(static_cast<const std::byte*>(block), length)));
      at = offset + static_cast<la_int64_t>(length);
    }
  }

  Result<> zeros(la_int64_t count) {
    static constexpr std::array<std::byte, 4096> kZeros{};
    while (count > 0) {
      const auto piece = std::min<la_int64_t>(count, kZeros.size());
      TRY(show(Bytes(kZeros).first(static_cast<std::size_t>(piece))));
      count -= piece;
    }
    return {};
  }

  Result<> show(Bytes bytes) {
    shown_ += bytes.size();
    TRY(tar_.check(shown_));  // holes cost nothing in the tar
    return visitor_.content(bytes);
  }

  [[nodiscard]] std::unexpected<Error> wrong() {
    const std::string where = current_.empty() ? "at its start" : "at or behind " + current_;
    if (error_) return std::unexpected(std::move(*error_).with_context("tar, " + where));
    const std::string why = printable(text_of(::archive_error_string(archive_.get())));
    const std::string at = " (byte " + std::to_string(tar_.total()) + " read)";
    const bool truncated = why.starts_with("Truncated");
    return fail(truncated ? Errc::truncated : Errc::corrupt, "tar, " + where + ": " + why + at);
  }

  struct Free {
    void operator()(archive* handle) const { ::archive_read_free(handle); }
  };
  PlainTar& tar_;
  LayerVisitor& visitor_;
  const LayerLimits& limits_;
  std::unique_ptr<archive, Free> archive_;
  std::optional<Bytes> first_;  // read before libarchive asked
  std::optional<Error> error_;  // of the stream, which libarchive cannot carry
  std::string current_;         // for messages
  std::size_t heading_ = 0;     // bytes for the header that is being read, and one; 0 = none is
  std::uint64_t shown_ = 0;     // content bytes given to the visitor
};

// The plain sink gets the rest whatever the tar or the visitor has wrong.
Result<> read_entries(PlainTar& tar, const LayerSinks& sinks, const LayerLimits& limits,
                      LayerSummary& summary) {
  const Result<> read =
      sinks.entries != nullptr ? TarReader(tar, *sinks.entries, limits).run(summary) : tar.drain();
  const bool whole = read || (sinks.plain != nullptr && !tar.error() && tar.drain());
  if (whole) summary.diff_id = tar.diff_id();
  if (sinks.plain == nullptr) return read;
  if (!whole) {
    sinks.plain->end(std::unexpected(*tar.error()));
  } else if (tar.padded()) {
    sinks.plain->end(fail(Errc::unsupported, "gzip: zeros behind the last member"));
  } else {
    sinks.plain->end(PlainTarEnd{summary.diff_id, tar.total()});
  }
  return read;
}

}  // namespace

Result<LayerSummary> read_layer(ByteReader& compressed, const LayerSinks& sinks,
                                const LayerLimits& limits) {
  auto plain = inflate(compressed, limits.zstd_window_log);
  if (!plain) {
    if (sinks.plain != nullptr) sinks.plain->end(std::unexpected(plain.error()));
    return std::unexpected(std::move(plain).error());
  }
  PlainTar tar(**plain, sinks.plain, limits);
  LayerSummary summary{.diff_id = hash_of({}), .first_refused = {}};
  const Result<> read = read_entries(tar, sinks, limits, summary);
  if (!read) return std::unexpected(read.error());
  summary.compression = (*plain)->compression();
  summary.compressed_bytes = (*plain)->compressed_bytes();
  summary.plain_bytes = tar.total();
  return summary;
}

}  // namespace nodeproof
