// What has to be fetched and unpacked for a set of images, given what containerd has already, and
// in which order. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/model.hpp"
#include "common/oci.hpp"

namespace nodeproof::prepull {

// What containerd has of a layer.
struct LayerState {
  bool unpacked = false;                  // the snapshot of its chain ID exists
  bool stored = false;                    // its blob is in the content store
  std::uint64_t begun = 0;                // bytes of it in an unfinished ingest
  std::optional<UnpackedSize> size = {};  // of what is not unpacked, where it is known
};

// An image as the plan sees it: as many of each, bottom first.
struct ImageLayers {
  std::vector<Descriptor> layers;
  std::vector<Digest> chain;  // chain IDs
  std::vector<LayerState> states;
};

// What a job is done for.
struct LayerOf {
  std::size_t image = 0;
  std::size_t layer = 0;  // counted from the bottom
  friend bool operator==(const LayerOf&, const LayerOf&) = default;
};

enum class Need {
  nothing,   // unpacked already; its bytes matter only if its inventory is missing
  hold,      // stored, to be unpacked
  download,  // neither
};

// One per distinct blob of all images. Two sizes of one digest are two blobs: one of them is a lie,
// and it must not cost the image that tells the truth.
struct BlobJob {
  std::vector<LayerOf> users;  // one per image: the lowest of its layers made of this blob
  Need need = Need::nothing;
  std::uint64_t size = 0;
  std::optional<UnpackedSize> unpacked = {};  // where it is known
  std::uint64_t begun = 0;                    // bytes that take room already
  friend bool operator==(const BlobJob&, const BlobJob&) = default;
};

// One per distinct chain ID of all images that is not there yet. Images whose layers unpack to the
// same from different blobs have a job each: the second finds the work done.
struct UnpackJob {
  std::vector<LayerOf> users;         // one per image
  std::size_t blob = 0;               // index into blobs
  std::optional<std::size_t> parent;  // index into unpacks; none = it is there, or there is none
  friend bool operator==(const UnpackJob&, const UnpackJob&) = default;
};

// An image's share.
struct ImageJobs {
  std::vector<std::size_t> blobs, unpacks;  // bottom first
  std::uint64_t download_bytes = 0;
  friend bool operator==(const ImageJobs&, const ImageJobs&) = default;
};

struct PullPlan {
  std::vector<BlobJob> blobs;      // in the order of fetching
  std::vector<UnpackJob> unpacks;  // in the order of unpacking, parents first
  std::vector<ImageJobs> images;   // as they were given
  std::uint64_t download_bytes = 0;
};

// Bytes of compressed layers per second. A guess is good enough: only the order depends on it.
struct Speeds {
  double download = 6e6;
  double unpack = 30e6;
};

// The order in which the images are done soonest, one line and one unpacker being given: Johnson's
// rule for two machines. Those that unpack longer than they load come first, the shortest load
// leading; then the others, the shortest unpacking last, for nothing overlaps with that. What
// images share counts as a part for each.
[[nodiscard]] std::vector<std::size_t> order_of(const std::vector<ImageLayers>& images,
                                                const Speeds& speeds);

[[nodiscard]] PullPlan plan(const std::vector<ImageLayers>& images, const Speeds& speeds = {});

}  // namespace nodeproof::prepull
