// Which Node of the cluster is this host?
#pragma once

#include <string>

#include "agent/kubernetes/credentials.hpp"
#include "common/error.hpp"

namespace nodeproof::kubernetes {

// What the configuration says (report.kubernetes.node), else NODE_NAME of the environment, else
// `otherwise` in lower case, as a kubelet registers a host's name. Errc::invalid_config for what
// cannot be a node's name.
Result<std::string> node_name(const std::string& configured, const Surroundings& around,
                              const std::string& otherwise);

}  // namespace nodeproof::kubernetes
