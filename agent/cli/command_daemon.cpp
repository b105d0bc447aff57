#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <vector>

#include "agent/cli/command.hpp"
#include "agent/cli/report_sinks.hpp"
#include "agent/cli/unpack_rights.hpp"
#include "agent/cli/wiring.hpp"
#include "agent/containerd/find_containerd.hpp"
#include "agent/daemon.hpp"
#include "agent/look.hpp"
#include "agent/report/metrics.hpp"

namespace nodeproof::cli {
namespace {

Result<DaemonSettings> daemon_settings(const Globals& globals, const std::filesystem::path& file) {
  const config::Config config = TRY(load_config(globals, file));
  DaemonSettings settings{.check_every = config.check_every,
                          .stale_after = config.stale_after,
                          .config_digest = config::config_digest(config),
                          .node = config.node.name,
                          .labels = {config.node.labels.begin(), config.node.labels.end()},
                          .scrub = config.scrub.every.count() > 0,
                          .containerd_sockets = {},
                          .sinks = sink_settings(config),
                          .metrics_listen = config.report.metrics.listen,
                          .metrics_stale_after = metrics_stale_after(config)};
  if (config.containerd.address.empty()) {
    const auto usual = containerd::usual_sockets();
    settings.containerd_sockets.assign(usual.begin(), usual.end());
  } else {
    constexpr std::string_view kScheme = "unix://";
    std::string address = config.containerd.address;
    if (address.starts_with(kScheme)) address.erase(0, kScheme.size());
    settings.containerd_sockets = {address};
  }
  return settings;
}

// A child is this program with the same directories and overrides.
std::vector<std::string> child_command(const Globals& globals, const std::string& binary,
                                       const char* command,
                                       const std::filesystem::path& config_file) {
  std::vector<std::string> argv{binary,    command,           "--config", config_file.string(),
                                "--state", globals.state_dir, "--run",    globals.run_dir};
  const auto pass_on = [&argv](const char* option, const std::string& value) {
    if (!value.empty()) argv.insert(argv.end(), {option, value});
  };
  pass_on("--address", globals.address);
  pass_on("--namespace", globals.namespace_);
  pass_on("--snapshotter", globals.snapshotter);
  if (globals.verbose) argv.emplace_back("--verbose");
  return argv;
}

}  // namespace

Action declare_daemon(CLI::App& /*app*/) {
  return [](Session& session) {
    UnpackRights::lay_down();
    const Globals& globals = session.globals;
    const auto binary = own_binary();
    if (!binary) return complain(session, binary.error());
    DaemonOptions options;
    options.config_file = config_path(globals);
    options.config_required = !globals.config_file.empty();
    options.state_dir = globals.state_dir;
    options.run_dir = globals.run_dir;
    options.load_config = [&globals](const std::filesystem::path& file) {
      return daemon_settings(globals, file);
    };
    options.cycle_command = [&globals, path = binary->string()](const std::filesystem::path& file) {
      return child_command(globals, path, "cycle-child", file);
    };
    options.scrub_command = [&globals, path = binary->string()](const std::filesystem::path& file) {
      return child_command(globals, path, "scrub-child", file);
    };
    options.look_command = [&globals, path = binary->string()](const std::filesystem::path& file) {
      if (access(look_file(globals.run_dir).c_str(), F_OK) != 0) return std::vector<std::string>();
      return child_command(globals, path, "look-child", file);
    };
    options.sink_command = [&globals, path = binary->string()](const std::filesystem::path& file,
                                                               const report::SinkSetting& sink,
                                                               report::SinkAttempt attempt) {
      auto command = child_command(globals, path, "report-child", file);
      command.insert(command.end(), {"--sink", sink.name, "--receiver", sink.receiver});
      if (attempt.news) command.emplace_back("--news");
      if (attempt.hold) command.emplace_back("--hold");
      return command;
    };
    options.metrics = [&globals](const NodeReport& report, std::chrono::seconds stale_after) {
      const auto now = std::chrono::system_clock::now();
      return report::to_prometheus(report, report::load_counters(globals.run_dir),
                                   {.now = now, .stale_after = stale_after});
    };
    return run_daemon(options);
  };
}

}  // namespace nodeproof::cli
