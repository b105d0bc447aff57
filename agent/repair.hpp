// What containerd stored and unpacked of one image beside what the registry promised, and the
// mending of what is not that.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/chain_use.hpp"
#include "agent/containerd/chain_store.hpp"
#include "agent/cycle.hpp"
#include "agent/model.hpp"

namespace nodeproof {

// On the lease that holds what a repair works on: whoever finds it knows of an interrupted one.
inline constexpr std::string_view kRepairLabel = "nodeproof.dev/repair";

enum class RepairOutcome {
  whole,       // there was nothing to mend
  repaired,    // and proven again
  damaged,     // a dry run: what would be done is told
  in_use,      // nothing was changed of what is unpacked: somebody uses it
  not_mended,  // the findings say why
  unknown,     // whether it is whole could not be found out
};

struct RepairReport {
  std::string reference, platform, manifest_digest;
  RepairOutcome outcome = RepairOutcome::unknown;
  bool dry_run = false;
  std::uint64_t files_compared = 0, files_wrong = 0;
  std::vector<Finding> findings;    // what is damaged, and what keeps it from being mended
  std::vector<std::string> blobs;   // digests: fetched again, or to be
  std::vector<std::string> layers;  // chain IDs: unpacked again, or to be
  std::vector<std::string> others;  // images that share them and are unpacked again with them
  std::vector<ChainUser> users;
  std::optional<ImageReport> proof;  // of the image as it is now
};

// Of the one image in the settings; `ad_hoc` when the configuration does not name it. Nothing is
// stopped, and whatever interrupts it, it can be run again. Errors: there is no such image here, or
// nobody could be asked.
Result<RepairReport> repair(const CycleConfig& config, Ports& ports, ChainStore& chains,
                            bool dry_run, const std::stop_token& stop);

}  // namespace nodeproof
