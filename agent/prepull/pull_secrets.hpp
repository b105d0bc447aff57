// KEP-2535: since Kubernetes 1.35 a kubelet lets a pod use an image that is here already only when
// the pod's own credentials could pull it. What somebody else has fetched it does not know about.
#pragma once

#include <optional>
#include <string>

#include "agent/model.hpp"
#include "common/reference.hpp"

namespace nodeproof::prepull {

// PreloadBypassesPullSecrets, where the kubelet's policy lets every pod use what was fetched with
// credentials that not every pod has. `credentials`: where those come from; "" = there were none.
[[nodiscard]] std::optional<Finding> bypassed_pull_secret(const Reference& image,
                                                          const std::string& credentials,
                                                          const KubeletFacts& kubelet);

}  // namespace nodeproof::prepull
