#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <system_error>

#include "agent/cli/bundle.hpp"
#include "agent/cli/facts.hpp"
#include "agent/cli/output.hpp"
#include "agent/cli/wiring.hpp"
#include "agent/containerd/find_containerd.hpp"
#include "agent/host/host.hpp"
#include "agent/registry/surroundings.hpp"
#include "agent/status_client.hpp"
#include "common/file.hpp"
#include "common/subprocess.hpp"
#include "common/text.hpp"

namespace nodeproof::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxReport = 4 << 20;
constexpr std::size_t kMaxProgramOutput = 8 << 20;
constexpr std::size_t kMaxListed = 5000;
constexpr const char* kUnit = "nodeproof.service";
// No environment among them.
constexpr const char* kUnitProperties =
    "ActiveState,SubState,Result,NRestarts,ExecMainStatus,ExecMainCode,MemoryCurrent,MemoryPeak,"
    "ActiveEnterTimestamp,UnitFileState,DropInPaths,FragmentPath";

Result<std::string> output_of(std::vector<std::string> argv, const std::stop_token& stop) {
  argv.front() =
      TRY(registry::find_program(argv.front(), registry::Surroundings::of_this_process()));
  const Finished done =
      TRY(run_command({.argv = argv,
                       .environment = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"},
                       .input = {},
                       .timeout = std::chrono::seconds(30),
                       .max_output = kMaxProgramOutput},
                      stop));
  if (done.exit_status == 0) return done.output;
  return fail(Errc::io, argv.front() + " ended with " + std::to_string(done.exit_status) + ": " +
                            printable(done.errors));
}

// A line per file: size, modification time (seconds of the epoch), path. No contents.
Result<std::string> listing_of(const fs::path& folder) {
  std::error_code problem;
  std::vector<std::string> lines;
  for (fs::recursive_directory_iterator at(folder, problem), end; !problem && at != end;
       at.increment(problem)) {
    if (lines.size() == kMaxListed) break;
    std::error_code ignored;
    const bool plain = at->symlink_status(ignored).type() == fs::file_type::regular;
    const auto time = std::chrono::file_clock::to_sys(at->last_write_time(ignored));
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch());
    lines.push_back((plain ? std::to_string(at->file_size(ignored)) : "-") + " " +
                    std::to_string(seconds.count()) + " " + printable(at->path().string(), 4096) +
                    "\n");
  }
  if (problem) return fail(Errc::io, folder.string() + ": " + problem.message());
  std::ranges::sort(lines);
  std::string text;
  for (const std::string& line : lines) text += line;
  return text + (lines.size() == kMaxListed ? "and more\n" : "");
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

void add_configuration(Bundle& bundle, const Globals& globals, const config::Config& config) {
  for (const fs::path& file : config_files(globals)) {
    const std::string folder =
        file.parent_path().filename() == "conf.d" ? "config/conf.d/" : "config/";
    bundle.add_document(folder + printable(file.filename().string()), read_file(file),
                        Syntax::json);
  }
  for (const fs::path& file : containerd_config_files()) {
    if (!is_there(file)) continue;
    bundle.add_document("containerd" + file.string() + ".json", read_file(file), Syntax::toml);
  }
  for (const fs::path& file : hosts_files(config)) {
    bundle.add_document("containerd" + printable(file.string()) + ".json", read_file(file),
                        Syntax::toml);
  }
}

void add_reports(Bundle& bundle, const Globals& globals) {
  bundle.add_document("report.json",
                      read_file(fs::path(globals.state_dir) / "report.json", kMaxReport),
                      Syntax::json);
  bundle.add_document("status.json",
                      ask_daemon(daemon_socket(globals), "status", std::chrono::seconds(10)),
                      Syntax::json);
  // How each receiver of reports was served last.
  std::error_code none;
  for (fs::directory_iterator at(fs::path(globals.run_dir) / "sinks", none), end;
       !none && at != end; at.increment(none)) {
    if (at->path().extension() != ".json") continue;
    bundle.add_document("sinks/" + printable(at->path().filename().string()), read_file(at->path()),
                        Syntax::json);
  }
}

}  // namespace

void add_parts(Bundle& bundle, Session& session, const config::Config& config,
               const std::stop_token& stop) {
  const Globals& globals = session.globals;
  bundle.add_document("version.json", version_document(), Syntax::json);
  add_configuration(bundle, globals, config);
  add_reports(bundle, globals);
  const HostFacts facts = facts_of_this_host(config, stop);
  bundle.add_document("host.json", host::to_json(facts), Syntax::json);
  const std::string socket = facts.containerd ? facts.containerd->socket : "";
  bundle.add_text("containerd/plugins.txt",
                  socket.empty() ? fail(Errc::runtime_unavailable, "containerd does not answer")
                                 : containerd::plugin_list(socket, stop));
  if (const fs::path audit = fs::path(globals.state_dir) / "override.log"; is_there(audit)) {
    bundle.add_text("override.log", read_file(audit));
  }
  bundle.add_text("state.txt", listing_of(globals.state_dir));
  bundle.add_text("run.txt", listing_of(globals.run_dir));
  bundle.add_text("journal.txt", output_of({"journalctl", "--no-pager", "--quiet", "--utc", "-n",
                                            "4000", "-o", "short-iso", "-u", kUnit},
                                           stop));
  bundle.add_text(
      "unit.txt",
      output_of({"systemctl", "show", kUnit, "--no-pager", "-p", kUnitProperties}, stop));
}

}  // namespace nodeproof::cli
