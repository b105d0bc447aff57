// A layer's plain tar written into a directory, as containerd's own applier would (image-spec
// layer.md; containerd's archive.Apply).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/bytes.hpp"
#include "common/layer_reader.hpp"

namespace nodeproof {

struct LayerWriteOptions {
  // true: whiteouts become overlayfs' own marks. false: what they name is removed.
  bool overlay_whiteouts = true;
  // Whether somebody will mark opaque directories; else a layer that has one is unsupported.
  bool opaque_marks = true;
  LayerLimits limits;
};

struct WrittenLayer {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  // of regular files
  std::vector<std::string>
      implied;  // directories made without an entry of their own, parents first
  std::vector<std::string>
      opaque;  // directories to be marked so, with overlay_whiteouts; "" = root
  friend bool operator==(const WrittenLayer&, const WrittenLayer&) = default;
};

// Into the process' current directory, as if that were the root; nothing outside it is touched.
// Changes the current directory meanwhile: for a process that does nothing else. A umask of 0 saves
// a call per file.
//
// Errors name the entry. unsupported: containerd might do otherwise, or this process lacks the
// right. corrupt, truncated: a tar that cannot be written. too_large: beyond a limit. no_space, io.
// On an error the directory holds a part of the layer.
Result<WrittenLayer> write_layer(ByteReader& plain_tar, const LayerWriteOptions& options);

}  // namespace nodeproof
