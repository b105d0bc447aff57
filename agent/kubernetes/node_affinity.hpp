// Whether a pod may land on a node: the scheduler's rules for node selectors, required node
// affinity and taints (core/v1). Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "common/json.hpp"

namespace nodeproof::kubernetes {

struct NodeTaint {
  std::string key, value, effect;
  friend bool operator==(const NodeTaint&, const NodeTaint&) = default;
};

// What of a Node object decides where pods go.
struct Landing {
  std::string name;
  std::map<std::string, std::string, std::less<>> labels;
  std::vector<NodeTaint> taints;
  friend bool operator==(const Landing&, const Landing&) = default;
};

// Without the taints that say how the node is at this moment (node.kubernetes.io/...), that it has
// just begun (an autoscaler's startup-taint..., Cilium's) or that it is not proven yet
// (readiness.k8s.io/..., and `lifted`, the key of the one that nodeproof takes off): they go, and
// then the pods come.
Result<Landing> read_landing(const json::Value& node, std::string_view lifted = {});

// spec.nodeName, spec.nodeSelector and the required part of spec.affinity.nodeAffinity. An operator
// that is not known is an error.
Result<bool> node_fits(const json::Value& pod_spec, const Landing& node);

struct Toleration {
  std::string key, op = "Equal", value, effect;
};

// No taint NoSchedule or NoExecute of the node is without a toleration. Errc::unsupported where
// that hangs on an operator that is not known.
Result<bool> tolerates(const std::vector<Toleration>& tolerations, const Landing& node);
Result<std::vector<Toleration>> read_tolerations(const json::Value& pod_spec);

}  // namespace nodeproof::kubernetes
