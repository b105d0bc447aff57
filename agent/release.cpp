#include "agent/release.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/prepull/pins.hpp"
#include "agent/prepull/prepull.hpp"
#include "agent/repair.hpp"

namespace nodeproof {
namespace {

constexpr std::string_view kSmokeLabel = "nodeproof.dev/smoke";

Result<std::vector<std::string>> our_leases(ImageStore& store) {
  std::vector<std::string> ids;
  for (const std::string_view label :
       {prepull::kCandidateLabel, kRepairLabel, kGarbageLabel, kSmokeLabel}) {
    for (const Lease& lease : TRY(store.leases(std::string(label)))) ids.push_back(lease.id);
  }
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  return ids;
}

// As the sweep knows them.
Result<std::vector<std::string>> our_leftovers(ChainStore& chains, const std::stop_token& stop) {
  std::vector<std::string> names;
  for (const ContainerFacts& one : TRY(chains.containers(stop))) {
    if (one.id.starts_with("nodeproof-") && one.labels.contains(std::string(kSmokeLabel))) {
      names.push_back("container " + one.id);
    }
  }
  for (const SnapshotFacts& one : TRY(chains.snapshots(stop))) {
    const bool ours =
        one.name.starts_with("nodeproof-smoke-") || one.name.starts_with("extract-nodeproof-");
    if (ours && !one.committed) names.push_back("snapshot " + one.name);
  }
  return names;
}

}  // namespace

Result<Released> release_all(const ReleasePorts& ports, bool dry_run, const std::stop_token& stop) {
  Released released;
  const auto records = TRY(ports.store.images(std::string(prepull::kProvenLabel)));
  for (const ImageRecord& record : records) released.pins.push_back(record.name);
  released.leases = TRY(our_leases(ports.store));
  released.leftovers = TRY(our_leftovers(ports.chains, stop));
  if (dry_run) return released;
  const auto note = [&released](Error error) { released.problems.push_back(std::move(error)); };
  if (auto swept = ports.runtime.sweep(stop); !swept) note(std::move(swept).error());
  for (const ImageRecord& record : records) {
    auto done = ports.store.label_image(record, prepull::labels_to_clear(record));
    if (!done) note(std::move(done).error());
  }
  // The last one waits for the collection of what they all held.
  for (const std::string& id : released.leases) {
    const Release when = id == released.leases.back() ? Release::at_once : Release::lazily;
    if (auto done = ports.store.delete_lease(id, when); !done) note(std::move(done).error());
  }
  return released;
}

}  // namespace nodeproof
