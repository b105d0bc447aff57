// Private to this folder: the parts of inspect().
#pragma once

#include <vector>

#include "agent/inspect/census.hpp"
#include "agent/inspect/inspect.hpp"
#include "agent/inspect/merged_view.hpp"
#include "agent/inspect/reachability.hpp"
#include "agent/inspect/survey.hpp"

namespace nodeproof::inspect {

struct Scene {
  const InspectInput& input;
  const MergedView& view;
  const Reachability& reached;
  const Census& census;
  const Survey& survey;
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
// 32-bit Arm programs for a newer processor than the host's.
[[nodiscard]] std::vector<Finding> arm_findings(const Scene& scene);
// Files that the host's page size, or a larger one, stops.
[[nodiscard]] std::vector<Finding> page_size_findings(const Scene& scene);
// Programs that are known to be particular about pages.
[[nodiscard]] std::vector<Finding> page_habit_findings(const Scene& scene);
// Instructions that the host's processor lacks.
[[nodiscard]] std::vector<Finding> isa_findings(const Scene& scene);
// x86-64-v2 to -v4.
[[nodiscard]] std::vector<Finding> x86_level_findings(const Scene& scene);
// Symbol versions that no library of a start has.
[[nodiscard]] std::vector<Finding> version_findings(const Scene& scene);
// What a C library refuses on this host, or later: an old kernel, static TLS.
[[nodiscard]] std::vector<Finding> libc_findings(const Scene& scene);
// Allocators and interpreters that count on a width of addresses.
[[nodiscard]] std::vector<Finding> address_space_findings(const Scene& scene);
// Everything else that is for another machine.
[[nodiscard]] std::vector<Finding> census_findings(const Scene& scene);
// Programs and libraries inside archives (jar, whl, zip, asar) of which none is for this host.
[[nodiscard]] std::vector<Finding> archive_findings(const Scene& scene);
// Index entry, image config and programs beside each other.
[[nodiscard]] std::vector<Finding> platform_findings(const Scene& scene);

// "linux/arm64"
[[nodiscard]] std::string host_platform(const HostFacts& host);
// "Rebuild or replace ... for linux/arm64 ..."
[[nodiscard]] std::string rebuild_remedy(const HostFacts& host);

}  // namespace nodeproof::inspect
