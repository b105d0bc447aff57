// What a kubelet on this node says about disk space and pulled images
// (kubelet.config.k8s.io/v1beta1 KubeletConfiguration).
#pragma once

#include <filesystem>
#include <optional>

#include "agent/model.hpp"

namespace nodeproof::host {

// Nothing when there is no sign of a kubelet. Later ones count over earlier ones: Kubernetes' own
// defaults; the file of a running kubelet's --config, else the one that kubeadm writes; *.conf of
// --config-dir, else of k3s' and RKE2's directory; the command line, MicroK8s' arguments file.
[[nodiscard]] std::optional<KubeletFacts> read_kubelet(const std::filesystem::path& root);

}  // namespace nodeproof::host
