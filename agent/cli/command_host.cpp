#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <memory>

#include "agent/cli/asked_host.hpp"
#include "agent/cli/command.hpp"
#include "agent/cli/facts.hpp"
#include "agent/host/host.hpp"
#include "agent/host/profiles.hpp"
#include "agent/report/leniency.hpp"
#include "agent/report/verdict.hpp"
#include "common/clock.hpp"

namespace nodeproof::cli {
namespace {

struct HostOptions {
  std::string root = "/";
  std::string profile;
  bool profiles = false;
};

int print_profile(Session& session, const std::string& name) {
  const auto profile = profile_asked_for(name);
  if (!profile) return complain(session, profile.error());
  session.streams.out << (session.globals.json() ? host::to_json(**profile) + "\n"
                                                 : host::to_table(**profile));
  return exit_ok;
}

int print_host(Session& session, const std::string& root) {
  const auto config = load_config(session.globals);
  if (!config) return complain(session, config.error());
  HostFacts facts;
  if (root == "/") {
    facts = facts_of_this_host(*config, {});
  } else {
    facts = host::read_host(root);
    host::diagnose(facts, root, config->host.kernel.require);
  }
  const auto leniency = report::make_leniency(config->accept, config->rule_set);
  if (leniency) report::ease(facts.findings, "", *leniency, SystemClock().now());
  session.streams.out << (session.globals.json() ? host::to_json(facts) + "\n"
                                                 : host::to_table(facts));
  const bool fails =
      std::ranges::find(facts.findings, Severity::fail, &Finding::severity) != facts.findings.end();
  return fails ? static_cast<int>(report::ExitCode::not_ready) : +exit_ok;
}

}  // namespace

Action declare_host(CLI::App& app) {
  auto options = std::make_shared<HostOptions>();
  auto* root = app.add_option("--root", options->root,
                              "read the facts below this directory instead, without containerd");
  auto* one = app.add_option("--profile", options->profile,
                             "the built-in facts of a known host, such as pi5, and their origin; "
                             "with -o json a file to start from");
  one->excludes(root);
  app.add_flag("--profiles", options->profiles, "the names that --profile and --host know")
      ->excludes(root)
      ->excludes(one);
  return [options](Session& session) {
    if (options->profiles) {
      session.streams.out << (session.globals.json() ? host::profiles_json() + "\n"
                                                     : host::profiles_table());
      return +exit_ok;
    }
    return options->profile.empty() ? print_host(session, options->root)
                                    : print_profile(session, options->profile);
  };
}

}  // namespace nodeproof::cli
