// The story as code: config -> host facts -> resolve -> pull -> inspect -> smoke -> verdict.
#pragma once

#include <filesystem>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/config/config.hpp"
#include "agent/containerd/chain_store.hpp"
#include "agent/containerd/container_runtime.hpp"
#include "agent/containerd/image_store.hpp"
#include "agent/model.hpp"
#include "agent/registry/registry.hpp"
#include "agent/report/leniency.hpp"
#include "agent/unpack/layer_unpacker.hpp"
#include "common/clock.hpp"
#include "common/local_time.hpp"

namespace nodeproof {

// The outside world of a cycle; the caller owns all of it.
struct Ports {
  Registry& registry;
  ImageStore& store;
  ContainerRuntime& runtime;
  const Clock& clock;
  ProgressSink progress;
  Registry* near = nullptr;      // what `registry` has on this host: image layouts; none = nothing
  ChainStore* chains = nullptr;  // tells what containers run; none = that is not looked at
  UnpackWay unpack = {};         // who writes the layers' files
};

// The daemon's cycles ask for a proven image's tag once per resolve_every; a person who asks is
// told what is true now.
enum class Polling { always, when_due };

struct CycleConfig {
  config::Config settings;
  std::filesystem::path host_root = "/";                   // where the host's facts are read
  std::filesystem::path state_dir = "/var/lib/nodeproof";  // ledger, inventories
  std::filesystem::path run_dir = "/run/nodeproof";        // smoke containers, polls
  std::filesystem::path binary;                            // host-visible path of this program
  bool ad_hoc = false;  // images named on the command line: nothing is pinned
  bool keep = false;    // with ad_hoc: ready ones get their records all the same
  Polling polling = Polling::always;
  // The daemon's cycles: what may wait keeps to pull.windows and pull.start_jitter. A person who
  // checks has no wish to wait.
  bool patient = false;
  UtcOffset utc_offset = nodeproof::utc_offset;  // of this node's clock
  bool registry_asked = true;  // false: all comes from local sources, whose word on tags is none
  // Compare all unpacked files of each image that is started, whatever boot it was unpacked in.
  bool compare_all = false;
  // Of the configuration as it is written; settings.images may be more. "" = of the settings.
  std::string config_digest;
  std::map<std::string, std::string> origins;  // who needs an image, see RequiredSet
  std::vector<Finding> findings;               // of what was looked at before the cycle
  std::string fingerprint;                     // of the images found elsewhere
  bool again = false;  // start every image once more, also where the last proof still holds
};

// The settings were checked when they were loaded.
report::Leniency leniency_of(const config::Config& settings);

// A containerd that does not answer is one of its findings.
HostFacts read_facts(const CycleConfig& config, Ports& ports, const std::stop_token& stop);

// Never fails: what goes wrong with an image is in that image's report. A stop leaves the rest
// unknown.
NodeReport run_cycle(const CycleConfig& config, Ports& ports, const std::stop_token& stop);

}  // namespace nodeproof
