// libarchive's reader over a plain tar that comes as a stream. Private to common/layer_*.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/bytes.hpp"

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

  struct Block {
    Bytes bytes;  // good until the next call
    std::int64_t offset = 0;
  };
  // Of the entry's content; nothing = its end.
  Result<std::optional<Block>> block();
  // Reads what stands behind the end-of-archive mark.
  Result<> drain();

  [[nodiscard]] const std::string& current() const { return current_; }  // printable, for messages

 private:
  static std::ptrdiff_t read_block(archive* handle, void* self, const void** block);
  Result<Bytes> fill();
  [[nodiscard]] std::unexpected<Error> wrong();

  struct Free {
    void operator()(archive* handle) const;
  };
  ByteReader& plain_;
  std::uint64_t most_bytes_, total_ = 0;
  std::vector<std::byte> buffer_;
  std::unique_ptr<archive, Free> archive_;
  std::optional<Bytes> first_;  // read before libarchive asked
  std::optional<Error> error_;  // of the stream, which libarchive cannot carry
  std::string current_;
};

}  // namespace nodeproof
