// libarchive's reader over a plain tar that comes as a stream. Private to common/layer_*.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/bytes.hpp"
#include "common/layer_reader.hpp"

struct archive;
struct archive_entry;

namespace nodeproof {

class TarStream {
 public:
  TarStream(ByteReader& plain, std::uint64_t most_bytes);
  ~TarStream();
  TarStream(const TarStream&) = delete;
  TarStream& operator=(const TarStream&) = delete;

  // Not to be moved from here on. false: no bytes at all, which containerd takes for an empty layer
  // and libarchive for no archive.
  Result<bool> open();
  // Good until the next call; nullptr = the end. What was not read of the one before is skipped.
  Result<archive_entry*> next();
  // What of the entry that next() gave is lost, "" = nothing.
  [[nodiscard]] std::string loss() const;

  struct Block {
    Bytes bytes;  // good until the next call
    std::int64_t offset = 0;
  };
  // Of the entry's content; nothing = its end.
  Result<std::optional<Block>> block();
  // Reads what stands behind the end-of-archive mark.
  Result<> drain();

  // An entry's type as the tar has it: libarchive takes what it does not know for a regular file,
  // and passes over volume labels. Of the entry that next() gave, before its content is read.
  // '\0': it cannot be told.
  struct RawTypes {
    char first = '\0';  // of the first header that belongs to it
    char own = '\0';
  };
  [[nodiscard]] RawTypes raw_types() const;

  [[nodiscard]] const std::string& current() const { return current_; }  // printable, for messages

 private:
  [[nodiscard]] char type_at(std::int64_t header) const;
  static std::ptrdiff_t read_block(archive* handle, void* self, const void** block);
  Result<Bytes> fill();
  [[nodiscard]] std::unexpected<Error> wrong();

  struct Free {
    void operator()(archive* handle) const;
  };
  ByteReader& plain_;
  std::uint64_t most_bytes_, total_ = 0;
  std::vector<std::byte> buffer_, before_;  // what was read last, and before that
  std::size_t held_ = 0, held_before_ = 0;  // bytes in each
  std::unique_ptr<archive, Free> archive_;
  std::optional<Bytes> first_;   // read before libarchive asked
  std::optional<Error> failed_;  // the stream; told when all before it has been given
  std::optional<Error> error_;   // the same, which libarchive cannot carry
  bool warned_ = false;          // of that entry
  bool begun_ = false;           // an entry
  std::size_t heading_ = 0;      // bytes for the header that is being read, and one; 0 = none is
  std::string current_;
};

[[nodiscard]] std::optional<EntryType> entry_type(archive_entry* entry);

// "./a//b/" -> "a/b". unsupported: "..". too_large: beyond the limits.
[[nodiscard]] Result<std::string> clean_path(std::string_view raw, const LayerLimits& limits);

[[nodiscard]] std::string_view text_of(const char* text);  // none = ""

}  // namespace nodeproof
