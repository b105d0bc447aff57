#include "agent/kubernetes/node_affinity.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include "agent/kubernetes/pod.hpp"

namespace nodeproof::kubernetes {
namespace {

using json::Value;

constexpr std::array<std::string_view, 4> kPassing = {
    "node.kubernetes.io/", "node.cloudprovider.kubernetes.io/", "readiness.k8s.io/",
    "startup-taint.cluster-autoscaler.kubernetes.io/"};
constexpr std::string_view kOfCilium = "node.cilium.io/agent-not-ready";

using Labels = std::map<std::string, std::string, std::less<>>;

std::optional<std::int64_t> number_in(const std::string& text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, problem] = std::from_chars(text.data(), end, number);
  if (problem != std::errc() || rest != end) return {};
  return number;
}

// Gt and Lt compare whole numbers; a label that is none fits neither.
bool is_beyond(const std::string& label, const std::vector<std::string>& values, bool above) {
  const auto have = number_in(label);
  const auto limit = values.size() == 1 ? number_in(values.front()) : std::nullopt;
  if (!have || !limit) return false;
  return above ? *have > *limit : *have < *limit;
}

// A NodeSelectorRequirement.
Result<bool> requirement_fits(const Value& requirement, const Labels& labels) {
  const std::string key = TRY(text_of(requirement, "key"));
  const std::string op = TRY(text_of(requirement, "operator"));
  std::vector<std::string> values;
  const json::Array* list = TRY(list_of(requirement, "values"));
  for (const Value& value : *list) values.push_back(TRY(value.string()));
  const auto label = labels.find(key);
  const bool there = label != labels.end();
  const bool listed = there && std::ranges::find(values, label->second) != values.end();
  if (op == "In") return listed;
  if (op == "NotIn") return !listed;
  if (op == "Exists") return there;
  if (op == "DoesNotExist") return !there;
  if (op == "Gt" || op == "Lt") return there && is_beyond(label->second, values, op == "Gt");
  return fail(Errc::unsupported, requirement.path() + ": the operator \"" + op + "\" is not known");
}

Result<bool> all_fit(const json::Array& requirements, const Labels& labels) {
  for (const Value& requirement : requirements) {
    if (!TRY(requirement_fits(requirement, labels))) return false;
  }
  return true;
}

// A NodeSelectorTerm; one that asks for nothing fits no node.
Result<bool> term_fits(const Value& term, const Landing& node) {
  const json::Array* expressions = TRY(list_of(term, "matchExpressions"));
  const json::Array* fields = TRY(list_of(term, "matchFields"));
  if (expressions->empty() && fields->empty()) return false;
  if (!TRY(all_fit(*expressions, node.labels))) return false;
  return all_fit(*fields, {{"metadata.name", node.name}});
}

// spec.nodeSelector: each label with just this value.
Result<bool> selector_fits(const Value& spec, const Labels& labels) {
  const Value* selector = TRY(object_of(spec, "nodeSelector"));
  if (selector == nullptr) return true;
  for (const auto& [key, value] : selector->members()) {
    const std::string wanted = TRY(value.string());
    const auto label = labels.find(key);
    if (label == labels.end() || label->second != wanted) return false;
  }
  return true;
}

Result<const Value*> required_affinity(const Value& spec) {
  const Value* affinity = TRY(object_of(spec, "affinity"));
  if (affinity == nullptr) return affinity;
  const Value* of_nodes = TRY(object_of(*affinity, "nodeAffinity"));
  if (of_nodes == nullptr) return of_nodes;
  return object_of(*of_nodes, "requiredDuringSchedulingIgnoredDuringExecution");
}

bool is_about(const Toleration& toleration, const NodeTaint& taint) {
  if (!toleration.effect.empty() && toleration.effect != taint.effect) return false;
  return toleration.key.empty() || toleration.key == taint.key;
}

bool matches(const Toleration& toleration, const NodeTaint& taint) {
  if (!is_about(toleration, taint)) return false;
  if (toleration.op == "Exists") return true;
  return !toleration.key.empty() && toleration.op == "Equal" && toleration.value == taint.value;
}

Result<bool> is_tolerated(const std::vector<Toleration>& tolerations, const NodeTaint& taint) {
  for (const Toleration& one : tolerations) {
    if (matches(one, taint)) return true;
  }
  for (const Toleration& one : tolerations) {
    if (one.op == "Exists" || one.op == "Equal" || !is_about(one, taint)) continue;
    return fail(Errc::unsupported,
                "a toleration of " + taint.key + ": the operator \"" + one.op + "\" is not known");
  }
  return false;
}

bool is_passing(const NodeTaint& taint, std::string_view lifted) {
  if (taint.key == lifted || taint.key == kOfCilium) return true;
  return std::ranges::any_of(
      kPassing, [&](std::string_view prefix) { return taint.key.starts_with(prefix); });
}

}  // namespace

Result<Landing> read_landing(const Value& node, std::string_view lifted) {
  Landing out;
  const Value* metadata = TRY(node.at("metadata"));
  out.name = TRY(text_of(*metadata, "name"));
  const Value* labels = TRY(object_of(*metadata, "labels"));
  if (labels != nullptr) {
    for (const auto& [key, value] : labels->members()) out.labels[key] = TRY(value.string());
  }
  const Value* spec = TRY(object_of(node, "spec"));
  if (spec == nullptr) return out;
  const json::Array* taints = TRY(list_of(*spec, "taints"));
  for (const Value& item : *taints) {
    NodeTaint taint;
    taint.key = TRY(text_of(item, "key"));
    taint.value = TRY(text_of(item, "value"));
    taint.effect = TRY(text_of(item, "effect"));
    if (!is_passing(taint, lifted)) out.taints.push_back(std::move(taint));
  }
  return out;
}

Result<bool> node_fits(const Value& spec, const Landing& node) {
  const std::string named = TRY(text_of(spec, "nodeName"));
  if (!named.empty() && named != node.name) return false;
  if (!TRY(selector_fits(spec, node.labels))) return false;
  const Value* required = TRY(required_affinity(spec));
  if (required == nullptr) return true;
  const json::Array* terms = TRY(list_of(*required, "nodeSelectorTerms"));
  for (const Value& term : *terms) {
    if (TRY(term_fits(term, node))) return true;
  }
  return false;
}

Result<std::vector<Toleration>> read_tolerations(const Value& spec) {
  std::vector<Toleration> tolerations;
  const json::Array* list = TRY(list_of(spec, "tolerations"));
  for (const Value& item : *list) {
    Toleration toleration;
    toleration.key = TRY(text_of(item, "key"));
    const std::string op = TRY(text_of(item, "operator"));
    if (!op.empty()) toleration.op = op;
    toleration.value = TRY(text_of(item, "value"));
    toleration.effect = TRY(text_of(item, "effect"));
    tolerations.push_back(std::move(toleration));
  }
  return tolerations;
}

Result<bool> tolerates(const std::vector<Toleration>& tolerations, const Landing& node) {
  for (const NodeTaint& taint : node.taints) {
    if (taint.effect != "NoSchedule" && taint.effect != "NoExecute") continue;
    if (!TRY(is_tolerated(tolerations, taint))) return false;
  }
  return true;
}

}  // namespace nodeproof::kubernetes
