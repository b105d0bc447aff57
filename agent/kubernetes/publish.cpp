#include "agent/kubernetes/publish.hpp"

#include "agent/kubernetes/client.hpp"
#include "agent/kubernetes/publisher.hpp"
#include "agent/kubernetes/taint.hpp"
#include "common/words.hpp"

namespace nodeproof::kubernetes {
namespace {

// The kubelet registers a host's name in lower case.
std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

Result<std::string> node_name(const NodeReport& report, const Options& options) {
  std::string name = options.node;
  if (name.empty()) name = options.around.variable("NODE_NAME");
  if (name.empty()) name = lower(report.node);
  if (is_node_name(name)) return name;
  return fail(Errc::invalid_config, "\"" + excerpt(name, 64) + "\" cannot be a node's name",
              "set report.kubernetes.node to the name that kubectl get nodes shows");
}

}  // namespace

Result<Published> publish(const NodeReport& report, const Options& options, const Ports& ports,
                          const std::string& memory) {
  const std::string name = TRY(node_name(report, options));
  if (!options.taint.empty()) TRY(check_taint_key(options.taint));
  const auto finder = [&options](const std::string& kubeconfig) {
    return [&options, kubeconfig] { return find_credentials(kubeconfig, options.around); };
  };
  Client client(ports.http, ports.clock, finder(options.kubeconfig));
  TRY(client.load());
  std::optional<Client> other;
  if (!options.taint_kubeconfig.empty()) {
    other.emplace(ports.http, ports.clock, finder(options.taint_kubeconfig));
  }
  Publisher publisher(report, options, {client, other ? *other : client, ports.clock},
                      memory_of(memory, name));
  Published out = publisher.run(ports.stop);
  out.retry_after = client.retry_after();
  if (!out.retry_after && other) out.retry_after = other->retry_after();
  return out;
}

}  // namespace nodeproof::kubernetes
