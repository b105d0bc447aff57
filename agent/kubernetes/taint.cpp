#include "agent/kubernetes/taint.hpp"

#include <algorithm>
#include <array>

#include "common/words.hpp"

namespace nodeproof::kubernetes {
namespace {

// Set and lifted by Kubernetes' own controllers and by cloud providers'.
constexpr std::array<std::string_view, 3> kForeign = {
    "node.kubernetes.io/", "node.cloudprovider.kubernetes.io/", "node-role.kubernetes.io/"};

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_name(std::string_view text, std::size_t longest) {
  const auto fits = [](char c) { return is_word(c) || c == '-' || c == '_' || c == '.'; };
  return !text.empty() && text.size() <= longest && is_word(text.front()) && is_word(text.back()) &&
         std::ranges::all_of(text, fits);
}

}  // namespace

Result<> check_taint_key(const std::string& key) {
  const std::size_t slash = key.find('/');
  const bool prefixed = slash != std::string::npos;
  const std::string_view name = std::string_view(key).substr(prefixed ? slash + 1 : 0);
  if (!is_name(name, 63) || (prefixed && !is_name(std::string_view(key).substr(0, slash), 253))) {
    return fail(Errc::invalid_config, "\"" + excerpt(key, 64) + "\" is no taint's key",
                "write it as kubectl describe node shows it, without value and effect: "
                "readiness.k8s.io/nodeproof");
  }
  for (const std::string_view foreign : kForeign) {
    if (!key.starts_with(foreign)) continue;
    return fail(Errc::invalid_config, "the taint " + excerpt(key, 64) + " is Kubernetes' own",
                "use one of your own that the node is registered with: readiness.k8s.io/nodeproof");
  }
  return {};
}

std::string untaint_patch(const Node& node, const std::string& key) {
  json::Writer out;
  out.begin_array().begin_object().member("op", "test").member("path", "/metadata/uid");
  out.member("value", node.uid).end_object();
  bool any = false;
  // From behind, for each removal moves what follows.
  for (std::size_t at = node.taints.size(); at-- > 0;) {
    if (node.taints[at].key != key) continue;
    const std::string path = "/spec/taints/" + std::to_string(at);
    out.begin_object().member("op", "test").member("path", path);
    out.key("value").raw(node.taints[at].source).end_object();
    out.begin_object().member("op", "remove").member("path", path).end_object();
    any = true;
  }
  return any ? out.end_array().str() : std::string();
}

}  // namespace nodeproof::kubernetes
