// Gives back what nodeproof holds in a containerd: pins, leases, what an unpacking or a smoke
// container left behind. Whatever bears no mark of ours stays as it is, and so do all images: to
// delete them is the kubelet's affair, or the operator's.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "agent/containerd/chain_store.hpp"
#include "agent/containerd/container_runtime.hpp"
#include "agent/containerd/image_store.hpp"

namespace nodeproof {

// In one namespace.
struct Released {
  std::vector<std::string> pins;       // names of image records that bear our labels
  std::vector<std::string> leases;     // ids
  std::vector<std::string> leftovers;  // containers and snapshots
  std::vector<Error> problems;         // what could not be given back: the rest was
  [[nodiscard]] bool none() const {
    return pins.empty() && leases.empty() && leftovers.empty() && problems.empty();
  }
};

struct ReleasePorts {
  ImageStore& store;
  ContainerRuntime& runtime;
  ChainStore& chains;
};

// Errors: containerd does not say what there is. dry_run: nothing is changed. The second time there
// is nothing to give back.
Result<Released> release_all(const ReleasePorts& ports, bool dry_run, const std::stop_token& stop);

}  // namespace nodeproof
