// What a command is: a row in the table of commands.cpp and one file that declares its options and
// runs it.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cli/cli.hpp"
#include "agent/config/config.hpp"
#include "common/error.hpp"

namespace CLI {
class App;
}

namespace nodeproof::cli {

// sysexits.h where systemd knows the name; verdicts 0..2 come from report::exit_code.
enum ExitCode : int {
  exit_ok = 0,
  exit_usage = 64,
  exit_unavailable = 69,  // containerd cannot be reached, no image judged
  exit_internal = 70,
  exit_busy = 75,  // another instance
  exit_config = 78,
  exit_interrupted = 130,
};

// Options every command takes, also behind the command's name.
struct Globals {
  std::string config_file;  // "" = the default one if it exists
  std::string output = "table";
  std::string state_dir = "/var/lib/nodeproof";
  std::string run_dir = "/run/nodeproof";
  std::string address, namespace_, snapshotter;  // override the config's containerd section
  bool verbose = false;
  [[nodiscard]] bool json() const { return output == "json"; }
};

struct Session {
  const Globals& globals;
  Streams streams;
};

using Action = std::function<int(Session&)>;

// What a command prints besides table and json.
struct Documents {
  bool html = false, junit = false, sarif = false;
};

struct Command {
  std::string_view name;
  std::string_view summary;
  Action (*declare)(CLI::App& app);  // adds the command's options; the action reads them
  bool hidden = false;
  Documents documents = {};
};

[[nodiscard]] std::span<const Command> commands();

// Errc::usage: what is asked for with -o is none of table, json and these.
Result<> check_output(const std::string& output, const Documents& documents);

// What an error ends a command with. A command that judges content names the errors that say that
// the content is damaged or absent: those are 1, and what could not be found out is 2.
struct Judged {
  std::span<const Errc> damage;
};
[[nodiscard]] int exit_code_of(Errc code, const std::optional<Judged>& judged = {});

// Prints "nodeproof: <message>" and the remedy on its own line; gives the exit code for it.
int complain(Session& session, const Error& error, const std::optional<Judged>& judged = {});

// The config with the command line's overrides; absent default file = defaults.
Result<config::Config> load_config(const Globals& globals);
// The same from a file that has to be there.
Result<config::Config> load_config(const Globals& globals, const std::filesystem::path& path);
[[nodiscard]] std::filesystem::path config_path(const Globals& globals);

// `plan`, and `check --dry-run`, which is the same.
struct PlanOptions {
  std::vector<std::string> images;  // none = the configuration's
  std::vector<std::string> from;    // as ImageSource takes it
};
int print_plan(Session& session, const PlanOptions& options);

Action declare_bundle(CLI::App& app);
Action declare_check(CLI::App& app);
Action declare_compare(CLI::App& app);
Action declare_config(CLI::App& app);
Action declare_cycle_child(CLI::App& app);
Action declare_daemon(CLI::App& app);
Action declare_describe(CLI::App& app);
Action declare_explain(CLI::App& app);
Action declare_fleet(CLI::App& app);
Action declare_golden(CLI::App& app);
Action declare_host(CLI::App& app);
Action declare_index(CLI::App& app);
Action declare_inspect(CLI::App& app);
Action declare_look_child(CLI::App& app);
Action declare_metrics(CLI::App& app);
Action declare_override(CLI::App& app);
Action declare_place(CLI::App& app);
Action declare_plan(CLI::App& app);
Action declare_release(CLI::App& app);
Action declare_repair(CLI::App& app);
Action declare_report_child(CLI::App& app);
Action declare_resolve(CLI::App& app);
Action declare_scrub_child(CLI::App& app);
Action declare_status(CLI::App& app);
Action declare_verify_image(CLI::App& app);
Action declare_version(CLI::App& app);
Action declare_wait(CLI::App& app);

}  // namespace nodeproof::cli
