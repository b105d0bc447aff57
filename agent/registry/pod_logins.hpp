// Logins that pods bring along (imagePullSecrets), each for the images of its pods.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/registry/credential_source.hpp"
#include "agent/registry/docker_config.hpp"

namespace nodeproof::registry {

struct PodLogin {
  DockerConfig config;
  std::string source;  // for people: "the pull secret shop/registry"
  // Of an image that the configuration names: the node's own logins are asked before.
  bool behind_the_nodes = false;
};

// By the place of an image; in the order in which a pod names its secrets.
using PodLogins = std::map<Place, std::vector<PodLogin>>;

// The first secret with an entry that fits and says who logs in decides. Helper programs that a
// secret names are not started: the kubelet does not either.
class PodSource final : public CredentialSource {
 public:
  explicit PodSource(PodLogins logins) : logins_(std::move(logins)) {}
  Result<std::optional<Credentials>> find(const Place& place, const std::stop_token& stop) override;
  Result<std::string> describe(const Place& place) override;

 private:
  const PodLogins logins_;
};

// Those before and behind the node's own.
[[nodiscard]] PodLogins pod_logins_of(const PodLogins& all, bool behind_the_nodes);

}  // namespace nodeproof::registry
