#include "agent/cli/facts.hpp"

#include <utility>

#include "agent/containerd/find_containerd.hpp"
#include "agent/host/host.hpp"
#include "agent/report/findings.hpp"

namespace nodeproof::cli {

HostFacts facts_of_this_host(const config::Config& config, const std::stop_token& stop) {
  HostFacts facts = host::read_host("/");
  host::probe(facts);
  const config::Containerd& wanted = config.containerd;
  auto found =
      containerd::find_containerd({wanted.address, wanted.namespace_, wanted.snapshotter}, stop);
  if (found) {
    facts.containerd = *std::move(found);
  } else {
    facts.findings.push_back(report::finding_from_error(found.error(), report::Stage::host));
  }
  host::diagnose(facts, "/", config.host.kernel.require);
  return facts;
}

}  // namespace nodeproof::cli
