// What containers run beside what was judged: by the layers they are made from, for a name may have
// been given to another image since.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/containerd/chain_store.hpp"
#include "agent/model.hpp"

namespace nodeproof {

struct InUse {
  // Without pod sandboxes and what is ours.
  std::vector<ContainerFacts> containers;
  std::vector<SnapshotFacts> snapshots;  // of a container's snapshot and all below it
  std::vector<ImageRecord> names;        // where a container knows its image by an ID only
  bool kubelet = false;                  // a kubelet starts containers here
};

// Lists, and reads nothing else. No container: nothing else is listed either.
Result<InUse> look_at_use(ChainStore& chains, bool kubelet, const std::stop_token& stop);

// A warning on each image that is not ready and that a running container is made from.
void note_failing(std::vector<ImageReport>& images, const InUse& use);

// Per image that runs and that the report says nothing of; info.
[[nodiscard]] std::vector<Finding> not_required(const std::vector<ImageReport>& images,
                                                const InUse& use);

// Required, ready and settled (the caller knows since when), among other containers, and no
// container is made from it; info. Only where a kubelet starts them: elsewhere nobody can say what
// is to come.
[[nodiscard]] std::vector<Finding> not_used(const std::vector<ImageReport>& images,
                                            const InUse& use,
                                            const std::function<bool(const ImageReport&)>& settled);

}  // namespace nodeproof
