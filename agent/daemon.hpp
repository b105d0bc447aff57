// nodeproof as a service: a small supervisor with timer, signals, watchdog and status socket; each
// cycle is a child.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "agent/model.hpp"
#include "agent/report/sink/schedule.hpp"
#include "common/error.hpp"

namespace nodeproof {

// What the supervisor itself needs of a configuration.
struct DaemonSettings {
  std::chrono::milliseconds check_every{std::chrono::minutes(15)};
  std::chrono::seconds stale_after{0};  // a verdict stands so long without a check; 0 = for ever
  std::string config_digest = {};
  std::string node = {};  // its name; "" = found out
  std::vector<std::pair<std::string, std::string>> labels = {};
  bool scrub = false;
  std::vector<std::filesystem::path> containerd_sockets = {};  // where it may come up
  std::vector<report::SinkSetting> sinks = {};                 // who is told of each report
  std::string metrics_listen = {};                             // address:port; "" = nowhere
  std::chrono::seconds metrics_stale_after{0};  // an older report says nothing any more
};

struct DaemonOptions {
  std::filesystem::path config_file;  // conf.d is looked for beside it
  bool config_required = false;       // false: an absent file means defaults
  std::filesystem::path state_dir = "/var/lib/nodeproof";
  std::filesystem::path run_dir = "/run/nodeproof";
  // Loads and checks a configuration file with the conf.d beside it.
  std::function<Result<DaemonSettings>(const std::filesystem::path& file)> load_config;
  // argv of a cycle with this configuration file; argv[0] is a path. It writes
  // report::stream_line()s to its stdout. One that a client asked for has --asked behind it: who
  // asks is told what is true now.
  std::function<std::vector<std::string>(const std::filesystem::path& file)> cycle_command;
  // The same of a slice of the scrub, which writes nothing but signs of life; none = there is none.
  std::function<std::vector<std::string>(const std::filesystem::path& file)> scrub_command = {};
  // The same of a look at what the last cycle found proven: Errc::not_found asks for a cycle. Empty
  // argv = there is nothing to look at; none = no looks.
  std::function<std::vector<std::string>(const std::filesystem::path& file)> look_command = {};
  // The same of one attempt to deliver the report that the status socket gives.
  std::function<std::vector<std::string>(const std::filesystem::path& file,
                                         const report::SinkSetting& sink,
                                         report::SinkAttempt attempt)>
      sink_command = {};
  // What GET /metrics says of a report.
  std::function<std::string(const NodeReport& report, std::chrono::seconds stale_after)> metrics =
      {};
  std::chrono::milliseconds sink_retry{std::chrono::seconds(10)};  // after a failure; doubles
  std::chrono::milliseconds look_every{std::chrono::minutes(1)};
  // From when a containerd has started, or the clock was set, to the cycle: more may follow.
  std::chrono::milliseconds settle{std::chrono::seconds(2)};
  std::chrono::milliseconds scrub_pause{std::chrono::seconds(30)};  // between two slices
  std::filesystem::path boot_id_file = "/proc/sys/kernel/random/boot_id";
  std::chrono::milliseconds first_retry{
      std::chrono::seconds(30)};  // after unknown; doubles up to check_every
  std::chrono::milliseconds child_silence{
      std::chrono::minutes(30)};  // a child without a line for so long hangs
  std::chrono::milliseconds stop_grace{
      std::chrono::seconds(20)};  // from SIGTERM to SIGKILL of the child
};

// Runs until SIGTERM or SIGINT. Returns an exit code: 0 clean, 70 internal, 75 another instance, 69
// no permission, 78 no configuration that can be used. Call it before any other thread exists.
int run_daemon(const DaemonOptions& options);

}  // namespace nodeproof
