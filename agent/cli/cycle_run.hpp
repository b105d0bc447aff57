// One cycle with the real adapters, as `check` and the daemon's child run it.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "agent/cli/command.hpp"
#include "agent/cycle.hpp"
#include "agent/repair.hpp"

namespace nodeproof::cli {

[[nodiscard]] CycleConfig cycle_config(const Globals& globals, config::Config config);

// Ad hoc: these images instead of the configuration's; settings of an image the configuration names
// are taken over.
void name_images(CycleConfig& cycle, const std::vector<std::string>& references, bool keep);

// Where images come from, as ImageSource takes it, and who writes their files.
struct Means {
  std::vector<std::string> from;
  UnpackWay unpack;
};

// Errors: no containerd, another instance, directories that cannot be made. An image's failure is
// in the report.
Result<NodeReport> run_once(CycleConfig& cycle, const Means& means, ProgressSink progress,
                            const std::stop_token& stop);

// The same for a repair of the one image that is named.
struct RepairRequest {
  std::string image;
  Means means;
  bool dry_run = false;
};
Result<RepairReport> run_repair(CycleConfig& cycle, const RepairRequest& request,
                                ProgressSink progress, const std::stop_token& stop);

}  // namespace nodeproof::cli
