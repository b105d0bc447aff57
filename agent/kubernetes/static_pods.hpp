// A kubelet's static pods: what lies in its folder of manifests (staticPodPath), read as it does.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/error.hpp"

namespace nodeproof::kubernetes {

struct StaticImage {
  std::string reference;
  std::string origin;  // "static pod kube-proxy of /etc/kubernetes/manifests/kube-proxy.yaml"
  friend bool operator==(const StaticImage&, const StaticImage&) = default;
};

struct StaticPods {
  std::vector<StaticImage> images;  // in the order of the files' names
  std::vector<Error> problems;  // each of one file, or of the folder: what must run is not known
  friend bool operator==(const StaticPods&, const StaticPods&) = default;
};

// Every file that is not hidden holds one Pod in YAML or JSON, whatever its name ends in; folders
// in it are passed over. A folder that is not there is a problem: somebody has named it.
[[nodiscard]] StaticPods read_static_pods(const std::filesystem::path& folder);

}  // namespace nodeproof::kubernetes
