#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "agent/cli/command.hpp"
#include "agent/cli/cycle_run.hpp"
#include "agent/cli/image_source.hpp"
#include "agent/cli/plan_output.hpp"
#include "agent/cli/required_images.hpp"
#include "agent/cli/signals.hpp"
#include "agent/cli/wiring.hpp"

namespace nodeproof::cli {
namespace {

Result<PullReport> plan_once(CycleConfig& cycle, const std::vector<std::string>& from,
                             const std::stop_token& stop) {
  registry::PodLogins logins;
  if (!cycle.ad_hoc) logins = find_required(cycle, Ask::to_plan, stop);
  const auto images =
      TRY(ImageSource::open(cycle.settings, from, references_in(cycle.settings.images), logins));
  TRY(images->usable());
  const auto containerd = TRY(ContainerdAccess::open(cycle.settings, stop));
  const SystemClock clock;
  const auto keychain = open_keychain(cycle.settings, clock, logins);
  Ports ports{images->registry(),     containerd->store(), containerd->runtime(), clock,
              [](const Progress&) {}, images->near()};
  const DescribeLogin login = [&](const Reference& image) {
    return keychain->describe({image.domain(), image.path()});
  };
  return plan_pull(cycle, ports, login, stop);
}

}  // namespace

int print_plan(Session& session, const PlanOptions& options) {
  SignalStop signals;
  auto config = load_config(session.globals);
  if (!config) return complain(session, config.error());
  CycleConfig cycle = cycle_config(session.globals, *std::move(config));
  cycle.registry_asked = options.from.empty();
  cycle.patient = true;
  if (!options.images.empty()) name_images(cycle, options.images, false);
  const auto plan = plan_once(cycle, options.from, signals.token());
  if (signals.stopped()) return +exit_interrupted;
  if (!plan) return complain(session, plan.error());
  session.streams.out << (session.globals.json() ? plan_json(*plan) + '\n'
                                                 : plan_table(*plan, cycle.utc_offset));
  if (plan->verdict == Verdict::ready) return +exit_ok;
  return plan->verdict == Verdict::not_ready ? 1 : 2;
}

Action declare_plan(CLI::App& app) {
  auto options = std::make_shared<PlanOptions>();
  app.add_option("image", options->images, "plan these instead of the configuration's");
  add_from_option(app, options->from);
  return [options](Session& session) { return print_plan(session, *options); };
}

}  // namespace nodeproof::cli
