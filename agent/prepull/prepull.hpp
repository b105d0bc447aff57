// Fetch it: images' blobs into containerd's content store, their layers unpacked, each image held
// by a lease of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/containerd/image_store.hpp"
#include "agent/model.hpp"
#include "agent/registry/registry.hpp"
#include "agent/unpack/layer_unpacker.hpp"
#include "common/amount.hpp"

namespace nodeproof::prepull {

struct PullPorts {
  Registry& registry;
  ImageStore& store;
  const LayerObserverFactory&
      observers;                 // called from several threads, once per layer that is read
  const ProgressSink& progress;  // may be empty
  UnpackedSizes sizes = {};      // empty = all are estimated
  Registry* near = nullptr;      // what `registry` has on this host; none = nothing
  UnpackWay unpack = {};
};

// What holds for all images that are pulled together.
struct SetOptions {
  unsigned parallel = 3;  // blobs under way at a time at most, over all images; see lanes.hpp
  unsigned unpacks = 0;   // layers unpacked at a time; 0 = as the processor's cores allow
  std::string snapshotter = "overlayfs";
  // A lease is replaced when a set begins, if half of this is over, and never while calls use it:
  // the other half is to outlast the slowest set.
  std::chrono::seconds lease_lifetime = std::chrono::days(7);
  bool one_commit_at_a_time = false;  // see commits_block()
  std::uint64_t bandwidth = 0;        // bytes per second; 0 = no cap
  // Under a cap a ref is let go of after a slice, for a gap: a kubelet may wait for it. Go clients
  // ask for a locked ref again after a random time below 2048 ms.
  std::chrono::milliseconds slice{30'000};
  std::chrono::milliseconds gap{2'500};
  std::uint64_t memory = 0;             // bytes this process may use; 0 = as much as it likes
  std::optional<Amount> keep_free;      // see margin_of()
  std::optional<KubeletFacts> kubelet;  // on this host
};

struct PullOptions : SetOptions {
  std::string title;     // Progress::image; "" = the image's normalised name
  std::string lease_id;  // "" = lease_id_for(the image)
};

// containerd 1.6 and 1.7 sync a blob to disk under the lock that all other calls wait for.
[[nodiscard]] bool commits_block(const std::string& containerd_version);

// On the lease of an image that has no name yet; its value is the name.
inline constexpr std::string_view kCandidateLabel = "nodeproof.dev/candidate";
// Stable, so that the next run finds what an interrupted one has left.
std::string lease_id_for(const Reference& image);

// A PullSet of one.
Result<PulledImage> prepull(const ResolvedImage& image, const PullPorts& ports,
                            const PullOptions& options, const std::stop_token& stop);

// Gives back what an image brought that nobody is to keep.
Result<> release(ImageStore& store, const std::string& lease_id);

}  // namespace nodeproof::prepull
