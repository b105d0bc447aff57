// Which DaemonSets (apps/v1) put a pod on a node, decided as their controller does.
#pragma once

#include <optional>

#include "agent/kubernetes/node_affinity.hpp"
#include "agent/kubernetes/pod.hpp"

namespace nodeproof::kubernetes {

// The images of its template; nothing where none of its pods belongs on this node.
Result<std::optional<PodImages>> daemonset_on(const json::Value& daemonset, const Landing& node);

}  // namespace nodeproof::kubernetes
