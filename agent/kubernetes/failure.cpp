#include <array>

#include "agent/kubernetes/client.hpp"
#include "common/words.hpp"

namespace nodeproof::kubernetes {
namespace {

Errc code_of(int status) {
  switch (status) {
    case 401:
      return Errc::unauthorized;
    case 403:
      return Errc::permission_denied;
    case 404:
      return Errc::not_found;
    case 409:
      return Errc::busy;
    case 408:
      return Errc::timeout;
    case 422:
      return Errc::invalid_document;
    case 429:
      return Errc::throttled;
    default:  // another 4xx is nothing that passes
      return status >= 400 && status < 500 ? Errc::unsupported : Errc::server_error;
  }
}

// NodeRestriction's own words, and the name of who it is there for.
bool is_node_restriction(std::string_view message) {
  constexpr std::array<std::string_view, 3> kSigns = {
      "is not allowed to modify", "can only update node", "User \"system:node:"};
  for (const std::string_view sign : kSigns) {
    if (message.contains(sign)) return true;
  }
  return false;
}

// The manifest with the right that is missing.
std::string_view role_of(const Call& call) {
  if (call.verb != "patch" || call.resource != "nodes") return "rbac.yaml";
  return call.kind == PatchKind::json ? "untaint.yaml" : "rbac-labels.yaml";
}

std::string remedy_of(const Call& call, const Answer& answer, const std::string& source) {
  switch (answer.status) {
    case 401:
      return source +
             " holds a credential that expired or was revoked, or is one of another "
             "cluster; it is read again at every attempt";
    case 403:
      if (is_node_restriction(answer.message)) {
        return "a kubelet's credential changes its own node only, and never taints "
               "(NodeRestriction): name another credential, or let node-readiness-controller lift "
               "the taint";
      }
      return "allow this user to " + call.verb + " " + call.resource + ", as systemd/kubernetes/" +
             std::string(role_of(call)) + " does";
    case 404:
      return call.resource == "events"
                 ? ""
                 : "set report.kubernetes.node to the name that kubectl get nodes shows; a node "
                   "that is not registered yet is tried again";
    case 409:
      return "somebody else writes the same object; it is tried again";
    case 429:
    case 503:
      return "it is tried again when the server allows";
    default:
      return "see the API server's log";
  }
}

}  // namespace

Error Client::failure(const Call& call, const Answer& answer) const {
  const std::string source = credentials_ ? credentials_->source : "the kubeconfig";
  std::string text =
      call.verb + " " + call.resource + " (" + call.path + "): " + std::to_string(answer.status);
  if (!answer.reason.empty()) text += " " + excerpt(answer.reason, 64);
  if (!answer.message.empty()) text += ": " + excerpt(answer.message, 512);
  return Error{code_of(answer.status), std::move(text), remedy_of(call, answer, source)};
}

}  // namespace nodeproof::kubernetes
