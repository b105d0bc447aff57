// What the supervisor keeps between cycles: the last report and what it is worth now.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/daemon.hpp"
#include "agent/model.hpp"
#include "agent/override_state.hpp"
#include "common/generations.hpp"

namespace nodeproof {

// Files: <state>/report.json and the one before it, <run>/clean-exit (the boot id: it
// is there after a restart, and gone with the folder after a stop), <run>/ready, and the
// override's. All calls are of one thread. A disk that does not take a file costs what the file is
// for, never the service: the reports say so (StateNotKept).
class DaemonState {
 public:
  using Time = std::chrono::system_clock::time_point;

  DaemonState(const DaemonOptions& options, std::string boot_id);

  // The last report if the daemon of this boot ended in good order and the configuration is the
  // same, else one that knows nothing yet. Writes or removes the ready flag accordingly.
  void restore(const DaemonSettings& settings, Time now);

  // After a reload: another configuration than the one that was judged is not judged yet.
  void reconfigure(const DaemonSettings& settings, Time now);

  // A cycle's report: continues the last one, is written to disk if it says something new, and sets
  // the ready flag.
  void accept(NodeReport report);

  // A cycle that gave none: what was proven before stands, with freshness stale and the finding as
  // a warning; nothing proven, or another configuration than the one that was proven, is unknown.
  void accept_failure(const Finding& finding, const DaemonSettings& settings, Time now);

  // The configuration's error, shown in every report until it is mended; "" = none.
  void set_config_error(std::string message);
  // Why something that others write is not on the disk, likewise.
  void set_not_kept(const std::string& what, std::string why);

  // An override was given or cleared, or its time is over: the ready flag follows.
  void follow_override();
  // Until the override that is shown ends at the latest; nothing when there is none.
  [[nodiscard]] std::optional<std::chrono::milliseconds> override_left() const;

  // For a restart in this boot. The service manager takes the ready flag away unless it is a
  // restart; without one it goes here, as does one that only an override justifies: nobody would
  // end it.
  void leave(bool managed);

  [[nodiscard]] const NodeReport& report() const { return report_; }

 private:
  void forget(const DaemonSettings& settings, Time now);
  [[nodiscard]] Result<> write_flag() const;
  void publish(bool news);
  void take_note(const std::string& what, const Result<>& done);
  [[nodiscard]] bool take_clean_mark();
  void show_own_findings();
  void renew_own_findings();
  void show_override();

  std::filesystem::path clean_file_, ready_file_, state_dir_;
  Generations report_file_;
  std::string boot_id_;
  OverrideState overrides_;
  std::string config_error_;
  std::map<std::string, std::string> not_kept_;  // what: why
  std::vector<Finding> shown_;                   // of our own, in report_
  NodeReport report_;
  bool proven_ = false;                   // report_ comes from a cycle that ended
  std::chrono::milliseconds checked_{0};  // when it did, since the boot
  bool is_on_disk_ = true;                // as far as it says something new
};

// Same verdicts, findings and digests; times, sequence and transfer numbers are not compared, nor
// which containers happen to run.
[[nodiscard]] bool says_the_same(const NodeReport& a, const NodeReport& b);

// A crash is a finding of its own; what the cycle said itself is an error as any other.
[[nodiscard]] Finding finding_of_failure(const Error& error);

// What waits for a window or this node's turn is fetched when it comes, or at once if it came
// during the cycle. A cycle that failed may say so for ever.
[[nodiscard]] std::chrono::milliseconds until_deferred(const NodeReport& report, bool failed);

}  // namespace nodeproof
