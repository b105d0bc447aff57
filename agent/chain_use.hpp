// Who builds on a snapshot. Pure.
#pragma once

#include <string>
#include <vector>

#include "agent/containerd/chain_store.hpp"

namespace nodeproof {

struct ChainUser {
  std::string container;                        // "" = a snapshot that no container names
  std::string image, pod_namespace, pod, name;  // as CRI labels it; "" = it does not
  std::string state;                            // of its task; "" = it has none
  std::string snapshot;
  friend bool operator==(const ChainUser&, const ChainUser&) = default;
};

struct ChainUse {
  std::vector<ChainUser> users;
  // Committed and built on it: layers. In an order in which they can be removed, children first,
  // and the snapshot itself last, if it is there.
  std::vector<std::string> layers;
};

[[nodiscard]] ChainUser user_of(const ContainerFacts& container);

[[nodiscard]] ChainUse use_of(const std::string& snapshot,
                              const std::vector<SnapshotFacts>& snapshots,
                              const std::vector<ContainerFacts>& containers);

// "shop/web-7d9 (container app, running)"
[[nodiscard]] std::string text_of(const ChainUser& user);

}  // namespace nodeproof
