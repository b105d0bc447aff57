#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <vector>

#include "agent/cli/check_daemon.hpp"
#include "agent/cli/command.hpp"
#include "agent/cli/cycle_run.hpp"
#include "agent/cli/image_source.hpp"
#include "agent/cli/output.hpp"
#include "agent/cli/signals.hpp"
#include "agent/cli/unpack_rights.hpp"
#include "agent/override_state.hpp"
#include "agent/report/overridden.hpp"
#include "agent/report/progress.hpp"
#include "agent/report/verdict.hpp"

namespace nodeproof::cli {
namespace {

struct CheckOptions {
  std::vector<std::string> images;
  std::vector<std::string> from;
  bool keep = false;
  bool again = false;
  bool dry_run = false;
};

// The daemon checks what its configuration says, and nothing else.
bool is_for_the_daemon(const Globals& globals, const CheckOptions& options) {
  const bool plain =
      options.images.empty() && options.from.empty() && !options.keep && !options.again;
  return plain && globals.config_file.empty() && globals.address.empty() &&
         globals.namespace_.empty() && globals.snapshotter.empty();
}

int check(Session& session, const CheckOptions& options) {
  if (options.dry_run) {
    if (const auto refused = check_output(session.globals.output, {}); !refused) {
      return complain(session, refused.error());
    }
    return print_plan(session, {options.images, options.from});
  }
  if (is_for_the_daemon(session.globals, options)) {
    if (const auto asked = check_by_daemon(session)) return *asked;
  }
  const UnpackRights rights = UnpackRights::take();
  SignalStop signals;
  auto config = load_config(session.globals);
  if (!config) return complain(session, config.error());
  CycleConfig cycle = cycle_config(session.globals, *std::move(config));
  cycle.again = options.again;
  cycle.registry_asked = options.from.empty();
  if (!options.images.empty()) name_images(cycle, options.images, options.keep);
  report::ProgressPrinter progress(session.streams.err, isatty(STDERR_FILENO) == 1,
                                   terminal_width(STDERR_FILENO));
  const Means means{options.from, rights.way(cycle.settings)};
  auto outcome = run_once(cycle, means, progress.sink(), signals.token());
  progress.finish();
  if (!outcome) return complain(session, outcome.error());
  if (!cycle.ad_hoc) {  // it is about the node
    report::show_override(*outcome,
                          OverrideState(cycle.state_dir).active(moment_now(kernel_boot_id())));
  }
  print_report(session, *outcome);
  return signals.stopped() ? +exit_interrupted : report::exit_code(*outcome);
}

}  // namespace

Action declare_check(CLI::App& app) {
  auto options = std::make_shared<CheckOptions>();
  app.add_option("image", options->images,
                 "check these instead of the configuration's, and pin nothing");
  app.add_flag("--again", options->again,
               "start every image again, also where its proof still holds");
  add_from_option(app, options->from);
  app.add_flag("--keep", options->keep, "with IMAGE: keep those that are ready");
  app.add_flag("--dry-run", options->dry_run, "as nodeproof plan: write nothing, fetch nothing");
  return [options](Session& session) { return check(session, *options); };
}

}  // namespace nodeproof::cli
