// What a sink remembers from one attempt to the next, in the service's runtime folder: it is gone
// with the boot, and then the newest report is sent again.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/report/counters.hpp"
#include "common/error.hpp"

namespace nodeproof::report {

// How a sink of the configuration is to be served.
struct SinkSetting {
  std::string name;
  std::string receiver = {};  // who it is, as a digest: another one has been told nothing
  std::chrono::milliseconds heartbeat{0};  // 0 = only on news
  bool every_report = false;               // each report is news
  bool spools = false;                     // it keeps news while its receiver is not to be asked
  friend bool operator==(const SinkSetting&, const SinkSetting&) = default;
};

struct SinkState {
  SinkCounters counters;
  std::string receiver;              // whom it was told to, see SinkSetting
  std::chrono::sys_seconds since{};  // when the totals were zero
  std::uint64_t attempts = 0;        // that came to their end, however they ended
  std::string problem;               // of the last attempt that asked the receiver; "" = none
  bool done = false;                 // the last attempt left nothing to try again
  // From the last attempt on, as its receiver asked.
  std::optional<std::chrono::seconds> retry_after = {};
  bool stopped = false;  // the receiver wants no more (410)
  bool more = false;     // it takes what has waited, and there is more of it
  bool kept = false;     // the news that was not delivered is on the disk
  std::string memory;    // of the sink itself
  friend bool operator==(const SinkState&, const SinkState&) = default;
};

// Of the sink with this name; one that cannot be read is as one that was never there.
[[nodiscard]] SinkState load_sink_state(const std::filesystem::path& run_dir,
                                        const std::string& name, std::chrono::sys_seconds now);
Result<> save_sink_state(const std::filesystem::path& run_dir, const SinkState& state);
// Removes those of sinks that a configuration does not name any more.
void keep_sink_states(const std::filesystem::path& run_dir,
                      const std::vector<SinkSetting>& settings);

// All that have been tried, sorted by name.
[[nodiscard]] std::vector<SinkState> load_sink_states(const std::filesystem::path& run_dir);
[[nodiscard]] AgentCounters load_counters(const std::filesystem::path& run_dir);

}  // namespace nodeproof::report
