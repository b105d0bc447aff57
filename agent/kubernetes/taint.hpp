// Lifting one taint of our own from a node, and only that one.
#pragma once

#include <string>

#include "agent/kubernetes/node.hpp"

namespace nodeproof::kubernetes {

// Errc::invalid_config for what is no taint's key, and for keys that Kubernetes sets itself.
Result<> check_taint_key(const std::string& key);

// The body of a JSON patch that removes every taint with this key, whatever its effect; "" when
// there is none. Each removal is bound to what stands at its place, and all to the node's uid: when
// somebody else has changed the list meanwhile the API server refuses the whole patch (422).
[[nodiscard]] std::string untaint_patch(const Node& node, const std::string& key);

}  // namespace nodeproof::kubernetes
