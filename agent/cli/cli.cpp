#include "agent/cli/cli.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "agent/cli/command.hpp"
#include "agent/smoke/supervisor.hpp"
#include "common/log.hpp"
#include "common/text.hpp"
#include "common/version.hpp"

namespace nodeproof::cli {
namespace {

constexpr std::string_view kProbe = "probe";
constexpr std::string_view kVerifyImage = "verify-image";

std::string version_line() {
  const BuildInfo& build = build_info();
  return "nodeproof " + std::string(build.version) + " (commit " + std::string(build.commit) +
         ", " + std::string(build.target) + ")";
}

void declare_globals(CLI::App& app, Globals& globals) {
  app.add_option("-c,--config", globals.config_file,
                 "configuration file (/etc/nodeproof/nodeproof.json if it exists)");
  app.add_option("-o,--output", globals.output,
                 "table or json; check and status also html, junit, sarif; fleet also html; "
                 "inspect also junit, sarif")
      ->check(CLI::IsMember({"table", "json", "html", "junit", "sarif"}));
  app.add_option("--state", globals.state_dir, "state directory")->capture_default_str();
  app.add_option("--run", globals.run_dir, "run-time directory")->capture_default_str();
  app.add_option("--address", globals.address, "containerd's socket (found out)");
  app.add_option("--namespace", globals.namespace_, "containerd's namespace (found out)");
  app.add_option("--snapshotter", globals.snapshotter, "containerd's snapshotter (found out)");
  app.add_flag("-v,--verbose", globals.verbose, "log what is done");
}

void configure_log(const Globals& globals) {
  const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  const auto threshold = globals.verbose ? log::Level::debug
                         : journal       ? log::Level::info
                                         : log::Level::notice;
  log::configure({.threshold = threshold, .journal = journal});
}

// ": merge, backup, restore", where a subcommand is missing.
std::string choices_of(const CLI::App& app) {
  std::string choices;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (sub->get_name().empty() || sub->get_group().empty()) continue;
    choices += (choices.empty() ? ": " : ", ") + sub->get_name();
  }
  return choices;
}

int usage_error(CLI::App& app, const CLI::ParseError& error, Streams streams) {
  if (error.get_exit_code() == 0) return app.exit(error, streams.out, streams.err);  // --help
  std::string what = error.what();
  // What is missing may be there, but misspelt.
  const std::vector<std::string> rest = app.remaining(true);
  if (error.get_name() == "RequiredError" && !rest.empty()) {
    const bool option = rest.front().starts_with('-');
    what = (option ? "there is no option '" : "there is no command '") +
           printable(rest.front(), 64) + "'";
  }
  std::string command = "nodeproof";
  const CLI::App* last = &app;
  while (!last->get_subcommands().empty()) {
    last = last->get_subcommands().back();
    if (!last->get_name().empty()) command += " " + last->get_name();
  }
  if (error.get_name() == "RequiredError" && rest.empty()) what += choices_of(*last);
  streams.err << "nodeproof: " << what << "\n  try: " << command << " --help\n";
  return exit_usage;
}

// "-name" for "--name", as containerd calls an image verifier.
std::vector<std::string> with_two_dashes(std::span<char* const> args) {
  std::vector<std::string> all(args.begin(), args.end());
  for (std::string& argument : all) {
    if (argument.size() > 2 && argument[0] == '-' && argument[1] != '-') argument.insert(0, "-");
  }
  return all;
}

void parse(CLI::App& app, std::span<char* const> args, bool verifier) {
  if (!verifier) return app.parse(static_cast<int>(args.size()), args.data());
  std::vector<std::string> rest = with_two_dashes(args.subspan(1));
  std::ranges::reverse(rest);  // as it wants them
  app.allow_extras();          // what a later containerd adds
  app.parse(std::move(rest));
}

}  // namespace

int run(std::span<char* const> args, Streams streams) {
  // PID 1 of a smoke container: before anything else is set up.
  if (args.size() > 1 && args[1] == kProbe) return smoke::supervisor_main(args.subspan(2));

  CLI::App app("Proves, on the node itself, that every image it needs is right, whole and runs.",
               "nodeproof");
  Globals globals;
  declare_globals(app, globals);
  app.set_version_flag("--version", version_line());
  app.require_subcommand(1);
  app.fallthrough();
  Action action;
  Documents documents;
  for (const Command& command : commands()) {
    CLI::App* sub = app.add_subcommand(std::string(command.name), std::string(command.summary));
    if (command.hidden) sub->group("");
    sub->footer("-c, -o and the other options of all commands: nodeproof --help");
    sub->parse_complete_callback([&, chosen = command.declare(*sub), &offered = command.documents] {
      action = chosen;
      documents = offered;
    });
  }
  const bool verifier = args.size() > 1 && args[1] == kVerifyImage;
  try {
    parse(app, args, verifier);
  } catch (const CLI::ParseError& error) {
    const int code = usage_error(app, error, streams);
    return verifier ? +exit_ok : code;  // what it cannot understand it does not stand in the way of
  }
  Session session{globals, streams};
  if (const auto refused = check_output(globals.output, documents); !refused) {
    return complain(session, refused.error());
  }
  configure_log(globals);
  return action(session);
}

}  // namespace nodeproof::cli
