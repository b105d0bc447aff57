// Private to this folder: the parts of inspect().
#pragma once

#include <vector>

#include "agent/inspect/census.hpp"
#include "agent/inspect/inspect.hpp"
#include "agent/inspect/merged_view.hpp"
#include "agent/inspect/reachability.hpp"

namespace nodeproof::inspect {

struct Scene {
  const InspectInput& input;
  const MergedView& view;
  const Reachability& reached;
  const Census& census;
  bool complete = true;  // every layer's inventory is whole, so that "not there" means not there
};

// Corrupt layers, wrong diff IDs, inventories that are not whole.
[[nodiscard]] std::vector<Finding> layer_findings(const InspectInput& input);
// The view stopped at its limit.
[[nodiscard]] Finding too_many_directories(const InspectInput& input);
// What stands in the way of a start.
[[nodiscard]] std::vector<Finding> start_findings(const Scene& scene);
// Programs of a start that are for another machine; emulation.
[[nodiscard]] std::vector<Finding> program_findings(const Scene& scene);
// Everything else that is for another machine.
[[nodiscard]] std::vector<Finding> census_findings(const Scene& scene);
// Index entry, image config and programs beside each other.
[[nodiscard]] std::vector<Finding> platform_findings(const Scene& scene);

// "linux/arm64"
[[nodiscard]] std::string host_platform(const HostFacts& host);
// "Rebuild or replace ... for linux/arm64 ..."
[[nodiscard]] std::string rebuild_remedy(const HostFacts& host);

}  // namespace nodeproof::inspect
