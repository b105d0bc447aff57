#include "agent/kubernetes/publish.hpp"

#include "agent/kubernetes/client.hpp"
#include "agent/kubernetes/node_name.hpp"
#include "agent/kubernetes/publisher.hpp"
#include "agent/kubernetes/taint.hpp"

namespace nodeproof::kubernetes {
Result<Published> publish(const NodeReport& report, const Options& options, const Ports& ports,
                          const std::string& memory) {
  const std::string name = TRY(node_name(options.node, options.around, report.node));
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
