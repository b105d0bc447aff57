// Which containerd is this node's? The usual sockets are tried; two daemons are one too many to
// guess.
#pragma once

#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model.hpp"

namespace nodeproof::containerd {

// As the operator configured it; empty = to be found out.
struct ContainerdChoice {
  std::string address;
  std::string namespace_;
  std::string snapshotter;
};

// The sockets of a plain containerd, k3s and RKE2, MicroK8s, k0s.
std::span<const std::string_view> usual_sockets();

// Errc::runtime_unavailable names every socket that was tried; invalid_config lists two or more
// that answer; permission_denied says which.
Result<ContainerdFacts> find_containerd(
    const ContainerdChoice& choice, const std::stop_token& stop,
    std::span<const std::string_view> sockets = usual_sockets());

// For people: a line for each plugin of that containerd, with what it failed with.
Result<std::string> plugin_list(const std::string& socket, const std::stop_token& stop);

// Of the containerd that was chosen, else of each that answers, every namespace; or the one that
// was chosen. Errors as above, but two daemons are none.
Result<std::vector<ContainerdFacts>> every_namespace(
    const ContainerdChoice& choice, const std::stop_token& stop,
    std::span<const std::string_view> sockets = usual_sockets());

}  // namespace nodeproof::containerd
