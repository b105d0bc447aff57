// A layer blob read once, as a stream: inflated, its diff ID taken, its plain bytes and its tar
// entries shown to whoever wants them (image-spec layer.md; POSIX pax, ustar and GNU tar).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/bytes.hpp"
#include "common/digest.hpp"
#include "common/layer_inflate.hpp"

namespace nodeproof {

enum class EntryType { file, directory, symlink, hard_link, character_device, block_device, fifo };

struct LayerEntry {
  std::string path;  // "usr/bin/x": no leading "/" or "./", no "." or ".."; "" = the root itself
  EntryType type = EntryType::file;
  std::uint32_t mode = 0;  // permission bits with setuid, setgid, sticky
  std::uint32_t uid = 0, gid = 0;
  std::uint64_t size = 0;   // of a regular file's content, in bytes
  std::string link_target;  // of a symlink as written; of a hard link as a path like the one above
  friend bool operator==(const LayerEntry&, const LayerEntry&) = default;
};

// Called in the tar's order; an error ends the reading with that error.
class LayerVisitor {
 public:
  virtual ~LayerVisitor() = default;
  virtual Result<> begin(const LayerEntry& entry) = 0;
  virtual Result<> content(Bytes bytes) = 0;  // of a regular file, piece by piece
  virtual Result<> end() = 0;                 // after the entry's last byte
};

// What the plain tar came to.
struct PlainTarEnd {
  Digest diff_id;  // sha256 of the plain tar, padding included
  std::uint64_t bytes = 0;
};

// Wants the plain tar as it stands, padding included.
class PlainSink {
 public:
  virtual ~PlainSink() = default;
  // false: it wants no more of them; the reading goes on for the others.
  virtual bool write(Bytes plain) = 0;
  // Once, after the last bytes. An error: of the stream, or that the limits are reached;
  // unsupported: containerd might refuse the stream. What a visitor or the tar's structure has
  // wrong is no affair of this one.
  virtual void end(Result<PlainTarEnd> end) = 0;
};

// Either may be missing.
struct LayerSinks {
  LayerVisitor* entries = nullptr;
  PlainSink* plain = nullptr;
};

struct LayerLimits {
  std::uint64_t entries = 1'000'000;
  std::uint64_t plain_bytes = std::uint64_t{64} << 30;
  std::uint64_t ratio = 200;  // plain : compressed, looked at beyond ratio_floor
  std::uint64_t ratio_floor = std::uint64_t{4} << 30;
  std::size_t path_bytes = 4096;  // PATH_MAX
  std::size_t path_depth = 512;
  unsigned zstd_window_log = 23;  // 8 MiB
};

struct LayerSummary {
  Digest diff_id;  // sha256 of the plain tar, padding included
  Compression compression = Compression::none;
  std::uint64_t compressed_bytes = 0, plain_bytes = 0;
  std::uint64_t entries = 0;
  // Not shown to the visitor: ".." in the path or hard-link target, a path beyond the limits, a
  // type that no file system has.
  std::uint64_t refused = 0;
  std::string first_refused;  // its path and why
  friend bool operator==(const LayerSummary&, const LayerSummary&) = default;
};

// Errors: truncated, corrupt (both name the entry or the offset), too_large, unsupported, or those
// of reader and visitor. The compressed stream is read to its end on success, and for a plain sink
// also when it is the tar or the visitor that fails. Without a visitor the tar's structure is not
// looked at: no entries are counted, none refused.
Result<LayerSummary> read_layer(ByteReader& compressed, const LayerSinks& sinks,
                                const LayerLimits& limits = {});

}  // namespace nodeproof
