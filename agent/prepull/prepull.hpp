// Fetch it: an image's blobs into containerd's content store, its layers unpacked, all held by one
// lease.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "agent/containerd/image_store.hpp"
#include "agent/model.hpp"
#include "agent/registry/registry.hpp"

namespace nodeproof::prepull {

struct PullPorts {
  Registry& registry;
  ImageStore& store;
  const LayerObserverFactory&
      observers;                 // called from several threads, once per layer that is read
  const ProgressSink& progress;  // may be empty
};

struct PullOptions {
  unsigned parallel = 3;  // blobs under way at a time
  std::string title;      // Progress::image; "" = the image's normalised name
  std::string lease_id;   // "" = lease_id_for(the image)
  std::string snapshotter = "overlayfs";
  std::chrono::seconds lease_lifetime = std::chrono::hours(24);
};

// On the lease of an image that has no name yet; its value is the name.
inline constexpr std::string_view kCandidateLabel = "nodeproof.dev/candidate";
// Stable, so that the next run finds what an interrupted one has left.
std::string lease_id_for(const Reference& image);

// What is there is not fetched again; what an earlier run began is gone on with. Afterwards
// everything is on disk, held by the lease, and no name points to it yet. The lease is kept on
// success, stop and network failure, and deleted on digest mismatch and lack of space. Errors name
// image, platform and layer.
Result<PulledImage> prepull(const ResolvedImage& image, const PullPorts& ports,
                            const PullOptions& options, const std::stop_token& stop);

// Gives back what an image brought that nobody is to keep.
Result<> release(ImageStore& store, const std::string& lease_id);

}  // namespace nodeproof::prepull
