// The ChainStore port: what hangs on an image's unpacked layers, and the taking away of what is
// damaged, which only a repair does.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/containerd/image_store.hpp"

namespace nodeproof {

// On a lease that is made and deleted so that containerd collects its garbage.
inline constexpr std::string_view kGarbageLabel = "nodeproof.dev/garbage";

struct SnapshotFacts {
  std::string name;
  std::string parent;  // "" = the bottom one
  bool committed = false;
  friend bool operator==(const SnapshotFacts&, const SnapshotFacts&) = default;
};

struct ContainerFacts {
  std::string id;
  std::string image;  // as whoever made it named it
  std::string snapshot;
  Labels labels;
  std::string state;  // of its task: "running", "stopped" ...; "" = it has none
  friend bool operator==(const ContainerFacts&, const ContainerFacts&) = default;
};

// Of one namespace and one snapshotter. Nothing here stops or changes a container.
class ChainStore {
 public:
  virtual ~ChainStore() = default;

  virtual Result<std::vector<SnapshotFacts>> snapshots(std::stop_token stop) = 0;
  virtual Result<std::vector<ContainerFacts>> containers(std::stop_token stop) = 0;
  virtual Result<std::vector<ImageRecord>> all_images(std::stop_token stop) = 0;

  // Absent is fine; Errc::busy while another snapshot or a container is built on it.
  virtual Result<> remove_snapshot(const std::string& name) = 0;
  virtual Result<> remove_blob(const Digest& digest) = 0;  // absent is fine
  // Returns when what nothing holds is gone from the disk, too: until then containerd would take a
  // removed blob's old bytes for those of a new one.
  virtual Result<> collect_garbage() = 0;
};

}  // namespace nodeproof
