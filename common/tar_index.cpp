#include "common/tar_index.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include "common/text.hpp"

namespace nodeproof {
namespace {

// Headers lie far apart: a larger block would read content that nobody asked for.
constexpr std::size_t kBlockBytes = 16 << 10;
constexpr std::uint64_t kTarBlock = 512;

std::string_view text_of(const char* text) { return text == nullptr ? "" : text; }

// "./a//b" -> "a/b"; nothing for a path with "..".
std::optional<std::string> normalise(std::string_view raw) {
  std::string path;
  while (!raw.empty()) {
    const std::size_t slash = std::min(raw.find('/'), raw.size());
    const std::string_view part = raw.substr(0, slash);
    raw.remove_prefix(std::min(slash + 1, raw.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") return std::nullopt;
    if (!path.empty()) path += '/';
    path += part;
  }
  return path;
}

class Indexer {
 public:
  Indexer(const ByteSource& tar, const std::function<bool(std::string_view)>& wanted,
          const TarIndexLimits& limits)
      : tar_(tar), wanted_(wanted), limits_(limits), archive_(::archive_read_new()) {}

  Result<TarIndex> run() {
    TRY(open());
    for (std::size_t members = 0;; ++members) {
      archive_entry* entry = nullptr;
      const int status = ::archive_read_next_header(archive_.get(), &entry);
      if (status == ARCHIVE_EOF) return std::move(index_);
      if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return wrong();
      if (members == limits_.members) {
        return fail(Errc::too_large,
                    "tar: more than " + std::to_string(limits_.members) + " members");
      }
      TRY(take(entry));
    }
  }

 private:
  static la_ssize_t read_block(archive* handle, void* self, const void** block) {
    auto& indexer = *static_cast<Indexer*>(self);
    const std::uint64_t left = indexer.tar_.size() - indexer.position_;
    const auto bytes =
        std::span(indexer.block_)
            .first(static_cast<std::size_t>(std::min<std::uint64_t>(left, indexer.block_.size())));
    if (auto read = indexer.tar_.read_at(indexer.position_, bytes); !read) {
      indexer.error_ = std::move(read).error();
      ::archive_set_error(handle, EIO, "%s", "the archive cannot be read");
      return -1;
    }
    indexer.position_ += bytes.size();
    *block = bytes.data();
    return static_cast<la_ssize_t>(bytes.size());
  }

  // Over a file's content. Beyond the end it stops there: the next read then finds nothing.
  static la_int64_t skip(archive* /*handle*/, void* self, la_int64_t count) {
    auto& indexer = *static_cast<Indexer*>(self);
    const std::uint64_t left = indexer.tar_.size() - indexer.position_;
    const std::uint64_t skipped =
        std::min(left, static_cast<std::uint64_t>(std::max<la_int64_t>(count, 0)));
    indexer.position_ += skipped;
    return static_cast<la_int64_t>(skipped);
  }

  Result<> open() {
    archive* handle = archive_.get();
    if (handle == nullptr) return fail(Errc::internal, "tar: libarchive cannot start");
    ::archive_read_support_format_tar(handle);
    // Names are bytes; nothing is converted to a locale.
    ::archive_read_set_options(handle, "hdrcharset=BINARY");
    ::archive_read_set_callback_data(handle, this);
    ::archive_read_set_read_callback(handle, read_block);
    ::archive_read_set_skip_callback(handle, skip);
    if (::archive_read_open1(handle) != ARCHIVE_OK) return wrong();
    return {};
  }

  Result<> take(archive_entry* entry) {
    const std::string_view raw = text_of(::archive_entry_pathname(entry));
    current_ = printable(raw, 128);
    if (raw.size() > limits_.path_bytes) return {};
    auto path = normalise(raw);
    if (!path || !wanted_(*path)) return {};
    // Whatever it is, it takes the place of an earlier member of this path.
    index_.erase(*path);
    if (const char* target = ::archive_entry_hardlink(entry); target != nullptr) {
      link(*std::move(path), target);
      return {};
    }
    const bool plain =
        ::archive_entry_filetype(entry) == AE_IFREG && ::archive_entry_sparse_reset(entry) == 0;
    if (!plain) return {};
    return add(*std::move(path), ::archive_entry_size(entry));
  }

  // An earlier member, or nothing.
  void link(std::string path, std::string_view target) {
    const auto named = normalise(target);
    if (!named) return;
    const auto found = index_.find(*named);
    if (found == index_.end()) return;
    const TarPlace place = found->second;
    index_.emplace(std::move(path), place);
  }

  // libarchive has taken the header and nothing of the content.
  Result<> add(std::string path, la_int64_t size) {
    const la_int64_t at = ::archive_filter_bytes(archive_.get(), 0);
    if (at < 0 || size < 0 || static_cast<std::uint64_t>(at) % kTarBlock != 0) return wrong();
    const TarPlace place{static_cast<std::uint64_t>(at), static_cast<std::uint64_t>(size)};
    if (place.offset > tar_.size() || place.size > tar_.size() - place.offset) {
      return fail(Errc::truncated, "tar, at " + current_ + ": its " + std::to_string(place.size) +
                                       " bytes reach beyond the archive's end");
    }
    index_.emplace(std::move(path), place);
    return {};
  }

  [[nodiscard]] std::unexpected<Error> wrong() {
    const std::string where = current_.empty() ? "at its start" : "at or behind " + current_;
    if (error_) return std::unexpected(std::move(*error_).with_context("tar, " + where));
    const std::string why = printable(text_of(::archive_error_string(archive_.get())));
    return fail(why.starts_with("Truncated") ? Errc::truncated : Errc::corrupt,
                "tar, " + where + ": " + why);
  }

  struct Free {
    void operator()(archive* handle) const { ::archive_read_free(handle); }
  };
  const ByteSource& tar_;
  const std::function<bool(std::string_view)>& wanted_;
  const TarIndexLimits& limits_;
  std::unique_ptr<archive, Free> archive_;
  std::array<std::byte, kBlockBytes> block_{};
  std::uint64_t position_ = 0;  // of what libarchive reads next
  std::optional<Error> error_;  // of the source, which libarchive cannot carry
  std::string current_;         // for messages
  TarIndex index_;
};

}  // namespace

Result<TarIndex> index_tar(const ByteSource& tar,
                           const std::function<bool(std::string_view path)>& wanted,
                           const TarIndexLimits& limits) {
  return std::make_unique<Indexer>(tar, wanted, limits)->run();
}

}  // namespace nodeproof
