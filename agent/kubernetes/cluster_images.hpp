// The images that the API server knows this node needs: of the pods bound to it, and of the
// DaemonSets whose pods belong on it. A Node of that name has to be there: without one the API
// server finds no pods, and says so as of an idle node.
#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/kubernetes/client.hpp"
#include "agent/kubernetes/node_affinity.hpp"
#include "agent/kubernetes/pod.hpp"

namespace nodeproof::kubernetes {

struct ClusterImage {
  std::string reference;
  std::string origin;  // "pod shop/web-1"
  friend bool operator==(const ClusterImage&, const ClusterImage&) = default;
};

// One of a pod's imagePullSecrets, for its images and no others.
struct PullLogin {
  std::string reference;
  std::string docker_config;  // a secret
  std::string source;         // "the pull secret shop/registry"
};

struct ClusterImages {
  std::vector<ClusterImage> images;
  std::vector<PullLogin> logins;
  std::vector<Error> problems;  // of logins: the images are known all the same
};

struct ClusterWish {
  bool logins = true;      // else no Secret is asked for
  std::string taint = {};  // the key of the one that goes when the node is ready; "" = none
};

class ClusterReader {
 public:
  // The client outlives it.
  ClusterReader(Client& client, ClusterWish wish, std::stop_token stop)
      : client_(client), wish_(std::move(wish)), stop_(std::move(stop)) {}

  // A kubelet's own credential may ask for these. A pod has the pull secrets of its service account
  // already: the API server put them there when it was made.
  Result<ClusterImages> pods(const std::string& node_name);

  // A kubelet's credential may not.
  Result<ClusterImages> daemonsets(const std::string& node_name);

 private:
  struct Question {
    std::string verb, resource, path;
    std::string kind;  // of the answer
  };
  // Errc::server_error for an answer of another kind, or a list that is not whole.
  Result<json::Value> ask(const Question& question);
  Result<Landing> node(const std::string& name);
  Result<json::Value> list(const Question& question);
  void add(const PodImages& pod, const std::string& kind, ClusterImages& into);
  void add_logins(const PodImages& pod, ClusterImages& into);
  // As the API server gives them to a pod that names none. Read once.
  const std::vector<std::string>& account_secrets(const PodImages& pod, ClusterImages& into);
  // Read once; nothing where it could not be.
  const std::optional<std::string>& secret(const std::string& space, const std::string& name,
                                           ClusterImages& into);

  Client& client_;
  const ClusterWish wish_;
  const std::stop_token stop_;
  std::optional<Landing> node_;
  std::optional<Error> away_;                                  // after which nothing more is asked
  std::map<std::string, std::vector<std::string>> accounts_;   // by namespace/name
  std::map<std::string, std::optional<std::string>> secrets_;  // by namespace/name
};

}  // namespace nodeproof::kubernetes
