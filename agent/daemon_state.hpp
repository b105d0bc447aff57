// What the supervisor keeps between cycles: the last report and what it is worth now.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "agent/daemon.hpp"
#include "agent/model.hpp"
#include "agent/override_state.hpp"

namespace nodeproof {

// Files: <state>/report.json, <state>/clean-exit (the boot id), <run>/ready, and the override's.
// All calls are of one thread.
class DaemonState {
 public:
  using Time = std::chrono::system_clock::time_point;

  DaemonState(const DaemonOptions& options, std::string boot_id);

  // The last report if the daemon of this boot ended in good order and the configuration is the
  // same, else one that knows nothing yet. Writes or removes the ready flag accordingly.
  Result<> restore(const DaemonSettings& settings, Time now);

  // After a reload: another configuration than the one that was judged is not judged yet.
  Result<> reconfigure(const DaemonSettings& settings, Time now);

  // A cycle's report: continues the last one, is written to disk if it says something new, and sets
  // the ready flag.
  Result<> accept(NodeReport report);

  // A cycle that gave none: what was proven before stands, with freshness stale and the finding as
  // a warning; nothing proven, or another configuration than the one that was proven, is unknown.
  Result<> accept_failure(const Finding& finding, const DaemonSettings& settings, Time now);

  // The configuration's error, shown in every report until it is mended; "" = none.
  void set_config_error(std::string message);

  // An override was given or cleared, or its time is over: the ready flag follows.
  Result<> follow_override();
  // Until the override that is shown ends at the latest; nothing when there is none.
  [[nodiscard]] std::optional<std::chrono::milliseconds> override_left() const;

  // For a restart in this boot. A ready flag that only an override justifies goes: nobody would end
  // it.
  Result<> leave();

  [[nodiscard]] const NodeReport& report() const { return report_; }

 private:
  Result<> forget(const DaemonSettings& settings, Time now);
  Result<> publish(bool persist);
  void show_config_error();
  void show_override();

  std::filesystem::path report_file_, clean_file_, ready_file_;
  std::string boot_id_;
  OverrideState overrides_;
  std::string config_error_;
  std::optional<Finding> shown_config_error_;  // in report_
  NodeReport report_;
  bool proven_ = false;  // report_ comes from a cycle that ended
};

// Same verdicts, findings and digests; times, sequence and transfer numbers are not compared, nor
// which containers happen to run.
[[nodiscard]] bool says_the_same(const NodeReport& a, const NodeReport& b);

}  // namespace nodeproof
