#include "common/layer_reader.hpp"

#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "common/crypto.hpp"
#include "common/layer_archive.hpp"
#include "common/text.hpp"

namespace nodeproof {

namespace {

// The plain tar: hashed, counted and handed on while it is read.
class PlainTar final : public ByteReader {
 public:
  PlainTar(InflatingReader& reader, PlainSink* sink, const LayerLimits& limits)
      : reader_(reader), sink_(sink), limits_(limits) {}

  Result<std::size_t> read(std::span<std::byte> buffer) override {
    auto got = take(buffer);
    if (!got) error_ = got.error();
    return got;
  }
  // What nobody looks at belongs to the diff ID.
  Result<> drain() {
    std::vector<std::byte> buffer(1 << 17);
    while (TRY(read(buffer)) > 0) {
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
  // Why there is no more of it; none = there is, or it is at its end.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  Result<std::size_t> take(std::span<std::byte> buffer) {
    const std::size_t got = TRY(reader_.read(buffer));
    const Bytes bytes = Bytes(buffer).first(got);
    hasher_.update(bytes);
    total_ += got;
    TRY(check(total_));
    if (sink_ != nullptr && got > 0 && !sink_->write(bytes)) sink_ = nullptr;
    return got;
  }

  InflatingReader& reader_;
  PlainSink* sink_;  // none = nobody wants them, or no more of them
  const LayerLimits& limits_;
  Hasher hasher_;
  std::uint64_t total_ = 0;
  std::optional<Error> error_;
};

std::uint32_t id_of(la_int64_t id) {
  constexpr la_int64_t kMax = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<la_int64_t>(id, 0, kMax));
}

class TarReader {
 public:
  TarReader(PlainTar& tar, LayerVisitor& visitor, const LayerLimits& limits)
      : plain_(tar), stream_(tar, limits.plain_bytes), visitor_(visitor), limits_(limits) {}

  Result<> run(LayerSummary& summary) {
    if (!TRY(stream_.open())) return {};
    while (archive_entry* entry = TRY(stream_.next())) {
      if (++summary.entries > limits_.entries) {
        return fail(Errc::too_large,
                    "layer: more than " + std::to_string(limits_.entries) + " entries");
      }
      TRY(take(entry, summary));
    }
    return stream_.drain();
  }

 private:
  Result<> take(archive_entry* entry, LayerSummary& summary) {
    auto made = describe(entry);
    if (!made) {
      if (summary.refused++ == 0) {
        summary.first_refused = stream_.current() + ": " + made.error().message;
      }
      return {};  // its content is skipped by the next header
    }
    TRY(visitor_.begin(*made));
    if (made->type == EntryType::file) TRY(content(static_cast<std::int64_t>(made->size)));
    return visitor_.end();
  }

  [[nodiscard]] Result<LayerEntry> describe(archive_entry* entry) const {
    const auto type = entry_type(entry);
    if (!type) return fail(Errc::unsupported, "a type no file system has");
    LayerEntry made;
    made.path = TRY(clean_path(text_of(::archive_entry_pathname(entry)), limits_));
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
      made.link_target = TRY(clean_path(text_of(::archive_entry_hardlink(entry)), limits_));
    }
    return made;
  }

  // Holes of sparse files are given as zeros, as they read back from the unpacked file.
  Result<> content(std::int64_t size) {
    std::int64_t at = 0;
    while (const auto block = TRY(stream_.block())) {
      TRY(zeros(block->offset - at));
      TRY(show(block->bytes));
      at = block->offset + static_cast<std::int64_t>(block->bytes.size());
    }
    return zeros(size - at);
  }

  Result<> zeros(std::int64_t count) {
    static constexpr std::array<std::byte, 4096> kZeros{};
    while (count > 0) {
      const auto piece = std::min<std::int64_t>(count, kZeros.size());
      TRY(show(Bytes(kZeros).first(static_cast<std::size_t>(piece))));
      count -= piece;
    }
    return {};
  }

  Result<> show(Bytes bytes) {
    shown_ += bytes.size();
    TRY(plain_.check(shown_));  // holes cost nothing in the tar
    return visitor_.content(bytes);
  }

  PlainTar& plain_;
  TarStream stream_;
  LayerVisitor& visitor_;
  const LayerLimits& limits_;
  std::uint64_t shown_ = 0;  // content bytes given to the visitor
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
