// The LayerUnpacker port: plain tars written into snapshots' directories by a process that can see
// nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/bytes.hpp"

namespace nodeproof {

// image-spec layer.md, "Whiteouts". overlay: they become overlayfs' own marks, for a layer that is
// mounted above others. remove: what they name is removed, for a bottom layer or a copy of what is
// below. overlay_unmarked: as overlay, in a process that cannot mark opaque directories.
enum class Whiteouts { overlay, remove, overlay_unmarked };

struct LayerDirectory {
  std::string path;  // absolute, empty or a copy of what is below
  Whiteouts whiteouts = Whiteouts::overlay;
};

// What only those know who see the layers below. Paths as in LayerEntry.
struct UnpackedLayer {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;           // of regular files
  std::vector<std::string> implied;  // directories without an entry of their own, parents first
  std::vector<std::string> opaque;   // directories that hide what is below
  friend bool operator==(const UnpackedLayer&, const UnpackedLayer&) = default;
};

// A layer written without sight of the layers below, and the place above them where it belongs.
struct Adoption {
  std::string staged;              // its directory
  std::string place;               // the empty directory that it changes places with
  std::vector<std::string> lower;  // directories of the layers below, uppermost first
  UnpackedLayer layer;
};

// A layer on its way into a directory. Destroyed without finish(): its writer is ended, and touches
// nothing any more when the destructor returns.
class LayerWriting {
 public:
  virtual ~LayerWriting() = default;
  // Ends the writer; from any thread, while the others wait. What they wait for fails then.
  virtual void abandon() = 0;
  // Blocks while the writer is behind. false: it takes no more, and finish() tells why.
  virtual bool write(Bytes plain_tar) = 0;
  // Errc::unsupported: this layer is for containerd to unpack, and the message says why. Errors
  // name the entry: no_space, io, corrupt, truncated, too_large.
  virtual Result<UnpackedLayer> finish() = 0;
};

// Safe to call from several threads.
class LayerUnpacker {
 public:
  virtual ~LayerUnpacker() = default;
  // Errc::unsupported: this host or this process' rights do not allow it.
  virtual Result<std::unique_ptr<LayerWriting>> begin(const LayerDirectory& directory) = 0;
  // Gives implied directories what they have below, marks the opaque ones, and lets the two
  // directories change places, at once or not at all. Errc::unsupported as above.
  virtual Result<> adopt(const Adoption& adoption) = 0;
};

// How layers are unpacked on this host; what it names outlives all pulls.
struct UnpackWay {
  LayerUnpacker* unpacker = nullptr;  // none: containerd unpacks all
  std::string why_not = {};           // and this is why
};

}  // namespace nodeproof
