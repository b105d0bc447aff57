// What has to be fetched and unpacked, given what containerd has already. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "common/oci.hpp"

namespace nodeproof::prepull {

// What containerd has of a layer.
struct LayerState {
  bool unpacked = false;  // the snapshot of its chain ID exists
  bool stored = false;    // its blob is in the content store
};

enum class Need {
  nothing,   // unpacked already; its bytes matter only if its inventory is missing
  hold,      // stored, to be unpacked
  download,  // neither
};

// One per distinct blob: a layer that an image has twice is fetched and observed once.
struct BlobJob {
  std::size_t layer = 0;  // the first layer made of this blob, counted from the bottom
  Need need = Need::nothing;
  friend bool operator==(const BlobJob&, const BlobJob&) = default;
};

struct PullPlan {
  std::vector<BlobJob> jobs;        // bottom first
  std::vector<std::size_t> job_of;  // layer -> index into jobs
  std::vector<std::size_t> unpack;  // layers, bottom first
  std::uint64_t download_bytes = 0;
  friend bool operator==(const PullPlan&, const PullPlan&) = default;
};

// states: one per layer.
[[nodiscard]] PullPlan plan(const std::vector<Descriptor>& layers,
                            const std::vector<LayerState>& states);

}  // namespace nodeproof::prepull
