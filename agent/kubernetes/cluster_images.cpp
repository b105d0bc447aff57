#include "agent/kubernetes/cluster_images.hpp"

#include <algorithm>
#include <utility>

#include "agent/kubernetes/daemonset.hpp"
#include "agent/kubernetes/node.hpp"
#include "agent/kubernetes/pull_secret.hpp"

namespace nodeproof::kubernetes {
namespace {

// From the API server's own memory, where pods are found by their node: a look each minute of
// hundreds of nodes reads nothing from etcd. (It asks for no secret.)
constexpr std::string_view kFromMemory = "resourceVersion=0";

// The next question would fare no better.
bool is_away(Errc code) {
  switch (code) {
    case Errc::unreachable:
    case Errc::untrusted:
    case Errc::timeout:
    case Errc::truncated:
    case Errc::cancelled:
      return true;
    default:
      return false;
  }
}

// It becomes a part of a path.
bool is_name(std::string_view text) { return is_node_name(text); }

}  // namespace

Result<json::Value> ClusterReader::ask(const Question& question) {
  const Call call{.verb = question.verb, .resource = question.resource, .path = question.path};
  if (away_) return std::unexpected(*away_);
  auto sent = client_.send(call, stop_);
  if (!sent) {
    if (is_away(sent.error().code)) away_ = sent.error();
    return std::unexpected(std::move(sent).error());
  }
  Answer& answer = *sent;
  if (answer.ok()) {
    // A proxy's words, say: that is no node without pods.
    const auto kind = text_of(answer.object, "kind");
    if (kind && *kind == question.kind) return std::move(answer.object);
    return fail(Errc::server_error,
                question.verb + " " + question.resource + ": the answer is no " + question.kind,
                "check that the kubeconfig's server is an API server");
  }
  Error error = client_.failure(call, answer);
  // It does not know this credential, or wants to be left alone.
  if (answer.status == 401 || answer.status == 429 || client_.retry_after()) away_ = error;
  if (answer.status == 403) {
    error.remedy = "allow this user to " + question.verb + " " + question.resource +
                   ", as systemd/kubernetes/rbac-images.yaml does";
  }
  if (answer.status == 404 && question.resource == "nodes") {
    error.remedy = "set report.kubernetes.node to the name that kubectl get nodes shows";
  }
  return std::unexpected(std::move(error));
}

Result<Landing> ClusterReader::node(const std::string& name) {
  if (node_ && node_->name == name) return *node_;
  const json::Value object =
      TRY(ask({"get", "nodes", node_path(name) + "?" + std::string(kFromMemory), "Node"}));
  Landing found = TRY(read_landing(object, wish_.taint));
  if (found.name != name) {
    return fail(Errc::server_error, "get nodes: the answer is another Node than " + name);
  }
  node_ = std::move(found);
  return *node_;
}

Result<json::Value> ClusterReader::list(const Question& question) {
  json::Value object = TRY(ask(question));
  const std::string what = question.verb + " " + question.resource;
  const json::Value* metadata = TRY(object_of(object, "metadata"));
  if (metadata != nullptr && !TRY(text_of(*metadata, "continue")).empty()) {
    return fail(Errc::server_error, what + ": the answer is a part of the list");
  }
  using Kind = json::Value::Kind;
  const json::Value* items = object.find("items");
  // null is what some servers write for an empty list
  if (items == nullptr || (items->kind() != Kind::array && items->kind() != Kind::null)) {
    return fail(Errc::server_error, what + ": the answer is a list without items");
  }
  return object;
}

const std::optional<std::string>& ClusterReader::secret(const std::string& space,
                                                        const std::string& name,
                                                        ClusterImages& into) {
  const auto [place, fresh] = secrets_.try_emplace(space + "/" + name);
  if (!fresh || away_) return place->second;
  const auto read = [&]() -> Result<std::string> {
    if (!is_name(space) || !is_name(name)) return fail(Errc::invalid_document, "no such name");
    const json::Value object =
        TRY(ask({"get", "secrets", "/api/v1/namespaces/" + space + "/secrets/" + name, "Secret"}));
    return docker_config_of(object);
  };
  if (auto config = read()) {
    place->second = *std::move(config);
  } else {
    into.problems.push_back(
        std::move(config).error().with_context("the pull secret " + place->first));
  }
  return place->second;
}

const std::vector<std::string>& ClusterReader::account_secrets(const PodImages& pod,
                                                               ClusterImages& into) {
  const auto [place, fresh] = accounts_.try_emplace(pod.namespace_ + "/" + pod.service_account);
  if (!fresh || away_ || !is_name(pod.namespace_) || !is_name(pod.service_account)) {
    return place->second;
  }
  const auto read = [&]() -> Result<std::vector<std::string>> {
    const std::string path =
        "/api/v1/namespaces/" + pod.namespace_ + "/serviceaccounts/" + pod.service_account;
    const json::Value account = TRY(ask({"get", "serviceaccounts", path, "ServiceAccount"}));
    const json::Array* secrets = TRY(list_of(account, "imagePullSecrets"));
    std::vector<std::string> names;
    for (const json::Value& each : *secrets) names.push_back(TRY(text_of(each, "name")));
    return names;
  };
  if (auto names = read()) {
    place->second = *std::move(names);
  } else {
    into.problems.push_back(
        std::move(names).error().with_context("the service account " + place->first));
  }
  return place->second;
}

void ClusterReader::add_logins(const PodImages& pod, ClusterImages& into) {
  for (const std::string& name : pod.pull_secrets) {
    const auto& config = secret(pod.namespace_, name, into);
    if (!config) continue;
    const std::string source = "the pull secret " + pod.namespace_ + "/" + name;
    for (const std::string& image : pod.images) into.logins.push_back({image, *config, source});
  }
}

void ClusterReader::add(const PodImages& pod, const std::string& kind, ClusterImages& into) {
  const std::string origin = kind + " " + pod.namespace_ + "/" + pod.name;
  for (const std::string& image : pod.images) into.images.push_back({image, origin});
  if (wish_.logins) add_logins(pod, into);
}

Result<ClusterImages> ClusterReader::pods(const std::string& node_name) {
  if (auto there = node(node_name); !there) return std::unexpected(std::move(there).error());
  const json::Value answer = TRY(list(
      {"list", "pods",
       "/api/v1/pods?fieldSelector=spec.nodeName%3D" + node_name + "&" + std::string(kFromMemory),
       "PodList"}));
  ClusterImages found;
  for (const json::Value& item : answer.find("items")->items()) {
    const auto pod = TRY(read_pod(item));
    if (pod) add(*pod, "pod", found);
  }
  return found;
}

Result<ClusterImages> ClusterReader::daemonsets(const std::string& node_name) {
  const Landing landing = TRY(node(node_name));
  const json::Value answer =
      TRY(list({"list", "daemonsets", "/apis/apps/v1/daemonsets?" + std::string(kFromMemory),
                "DaemonSetList"}));
  ClusterImages found;
  for (const json::Value& item : answer.find("items")->items()) {
    auto pod = TRY(daemonset_on(item, landing));
    if (!pod) continue;
    if (wish_.logins && pod->pull_secrets.empty()) {
      pod->pull_secrets = account_secrets(*pod, found);
    }
    add(*pod, "DaemonSet", found);
  }
  return found;
}

}  // namespace nodeproof::kubernetes
