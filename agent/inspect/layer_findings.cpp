#include "agent/codes.hpp"
#include "agent/inspect/findings.hpp"

namespace nodeproof::inspect {

namespace {

bool is_fault_of_layer(Errc code) { return code == Errc::corrupt || code == Errc::truncated; }

Finding problem_finding(const LayerInventory& inventory) {
  const Error& problem = *inventory.problem;
  Finding finding;
  finding.layer = inventory.layer.str();
  finding.subject = finding.layer;
  finding.evidence = problem.message;
  if (is_fault_of_layer(problem.code)) {
    finding.code = code::kLayerCorrupt;
    finding.severity = Severity::fail;
    finding.message =
        "The layer's bytes are the ones its digest names, but they are no whole archive";
    finding.remedy = "Build and push the image again; pulling it again brings the same bytes.";
    return finding;
  }
  finding.code = code::kInspectionIncomplete;
  finding.severity = Severity::unknown;
  finding.message = problem.code == Errc::not_found
                        ? "The layer has not been inspected on this node"
                        : "The layer could not be inspected wholly";
  finding.remedy =
      problem.remedy.empty() ? "Check again; if it stays, look at the evidence." : problem.remedy;
  return finding;
}

Finding diff_id_finding(const LayerInventory& inventory, const Digest& expected) {
  Finding finding;
  finding.code = code::kContentCorrupt;
  finding.severity = Severity::fail;
  finding.layer = inventory.layer.str();
  finding.subject = finding.layer;
  finding.message = "The unpacked layer is not the one the image config names";
  finding.evidence = "diff ID " + inventory.diff_id->str() + ", the config says " + expected.str();
  finding.remedy =
      "Build and push the image again: its config and its layers are of different builds.";
  return finding;
}

Finding refused_finding(const LayerInventory& inventory) {
  Finding finding;
  finding.code = code::kInspectionIncomplete;
  finding.severity = Severity::unknown;
  finding.layer = inventory.layer.str();
  finding.subject = finding.layer;
  finding.message = std::to_string(inventory.refused) +
                    " entries of the layer have paths that no file of an image can have";
  finding.evidence = inventory.first_refused;
  finding.remedy =
      "Find out who made this layer; an ordinary build tool does not write such paths.";
  return finding;
}

Finding count_finding(const InspectInput& input) {
  Finding finding;
  finding.code = code::kContentCorrupt;
  finding.severity = Severity::fail;
  finding.subject = input.image.manifest.digest.str();
  finding.message = "Manifest and image config do not have the same number of layers";
  finding.evidence = std::to_string(input.inventories.size()) + " layers, " +
                     std::to_string(input.image.config.diff_ids.size()) + " diff IDs";
  finding.remedy = "Build and push the image again.";
  return finding;
}

}  // namespace

Finding too_many_directories(const InspectInput& input) {
  Finding finding;
  finding.code = code::kInspectionIncomplete;
  finding.severity = Severity::unknown;
  finding.subject = input.image.manifest.digest.str();
  finding.message = "The layers name files in more directories than they bring";
  finding.evidence = "16 MiB of names of directories without an entry of their own";
  finding.remedy = "Find out who made this image; an ordinary build tool writes its directories.";
  return finding;
}

std::vector<Finding> layer_findings(const InspectInput& input) {
  std::vector<Finding> findings;
  const std::vector<Digest>& diff_ids = input.image.config.diff_ids;
  if (diff_ids.size() != input.inventories.size()) findings.push_back(count_finding(input));
  for (std::size_t i = 0; i < input.inventories.size(); ++i) {
    const LayerInventory& inventory = input.inventories[i];
    if (inventory.problem) findings.push_back(problem_finding(inventory));
    if (inventory.refused > 0) findings.push_back(refused_finding(inventory));
    const bool comparable = inventory.diff_id && i < diff_ids.size() &&
                            diff_ids[i].algorithm() == inventory.diff_id->algorithm();
    if (comparable && *inventory.diff_id != diff_ids[i]) {
      findings.push_back(diff_id_finding(inventory, diff_ids[i]));
    }
  }
  return findings;
}

}  // namespace nodeproof::inspect
