#include "agent/kubernetes/daemonset.hpp"

namespace nodeproof::kubernetes {
namespace {

using json::Value;

// One that is being deleted makes no pods any more.
Result<bool> is_going(const Value& metadata) {
  return !TRY(text_of(metadata, "deletionTimestamp")).empty();
}

}  // namespace

// What the controller adds to the tolerations of every pod is about taints that read_landing()
// leaves out.
Result<std::optional<PodImages>> daemonset_on(const Value& daemonset, const Landing& node) {
  const Value* metadata = TRY(daemonset.at("metadata"));
  const Value* spec = TRY(daemonset.at("spec"));
  const Value* pod_template = TRY(spec->at("template"));
  const Value* pod = TRY(pod_template->at("spec"));
  const Value* system = TRY(object_of(*pod, "os"));
  const bool windows = system != nullptr && TRY(text_of(*system, "name")) == "windows";
  if (windows || TRY(is_going(*metadata)) || !TRY(node_fits(*pod, node))) {
    return std::optional<PodImages>();
  }
  const auto tolerations = TRY(read_tolerations(*pod));
  const std::string name = TRY(text_of(*metadata, "name"));
  auto tolerated = tolerates(tolerations, node);
  if (!tolerated) {
    return std::unexpected(std::move(tolerated).error().with_context("the DaemonSet " + name));
  }
  if (!*tolerated) return std::optional<PodImages>();
  PodImages images = TRY(read_pod_spec(*pod));
  images.name = name;
  const std::string space = TRY(text_of(*metadata, "namespace"));
  if (!space.empty()) images.namespace_ = space;
  return std::optional(std::move(images));
}

}  // namespace nodeproof::kubernetes
