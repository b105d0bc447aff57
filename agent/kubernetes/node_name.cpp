#include "agent/kubernetes/node_name.hpp"

#include "agent/kubernetes/node.hpp"
#include "common/words.hpp"

namespace nodeproof::kubernetes {
namespace {

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace

Result<std::string> node_name(const std::string& configured, const Surroundings& around,
                              const std::string& otherwise) {
  std::string name = configured;
  if (name.empty()) name = around.variable("NODE_NAME");
  if (name.empty()) name = lower(otherwise);
  if (is_node_name(name)) return name;
  return fail(Errc::invalid_config, "\"" + excerpt(name, 64) + "\" cannot be a node's name",
              "set report.kubernetes.node to the name that kubectl get nodes shows");
}

}  // namespace nodeproof::kubernetes
