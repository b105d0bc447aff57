#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "agent/cli/command.hpp"
#include "agent/cli/cycle_run.hpp"
#include "agent/cli/image_source.hpp"
#include "agent/cli/output.hpp"
#include "agent/cli/repair_output.hpp"
#include "agent/cli/signals.hpp"
#include "agent/cli/unpack_rights.hpp"
#include "agent/report/progress.hpp"

namespace nodeproof::cli {
namespace {

int verdict_code(Verdict verdict) {
  return verdict == Verdict::ready ? 0 : verdict == Verdict::not_ready ? 1 : 2;
}

int code_of(const RepairReport& report) {
  switch (report.outcome) {
    case RepairOutcome::whole:
      return exit_ok;
    case RepairOutcome::repaired:
      return report.proof ? verdict_code(report.proof->verdict) : +exit_ok;
    case RepairOutcome::damaged:
    case RepairOutcome::in_use:
    case RepairOutcome::not_mended:
      return 1;
    case RepairOutcome::unknown:
      break;
  }
  return 2;
}

// What could not be found out of the image is 2, as in a check; what says nothing of any image has
// codes of its own.
int fail_with(Session& session, const Error& error) {
  const bool of_the_node = error.code == Errc::runtime_unavailable || error.code == Errc::busy;
  if (of_the_node) return complain(session, error);
  return complain(session, error, Judged{});
}

int repair_image(Session& session, RepairRequest request) {
  const UnpackRights rights = UnpackRights::take();
  SignalStop signals;
  auto config = load_config(session.globals);
  if (!config) return complain(session, config.error());
  CycleConfig cycle = cycle_config(session.globals, *std::move(config));
  request.means.unpack = rights.way(cycle.settings);
  report::ProgressPrinter progress(session.streams.err, isatty(STDERR_FILENO) == 1,
                                   terminal_width(STDERR_FILENO));
  auto outcome = run_repair(cycle, request, progress.sink(), signals.token());
  progress.finish();
  if (!outcome) return fail_with(session, outcome.error());
  if (session.globals.json()) {
    session.streams.out << repair_json(*outcome) << '\n';
  } else {
    session.streams.out << repair_table(*outcome, {.colour = colours_wanted(STDOUT_FILENO),
                                                   .unicode = report::unicode_wanted(),
                                                   .width = terminal_width(STDOUT_FILENO)});
  }
  return signals.stopped() ? +exit_interrupted : code_of(*outcome);
}

}  // namespace

Action declare_repair(CLI::App& app) {
  auto request = std::make_shared<RepairRequest>();
  app.add_option("image", request->image, "as it was proven or pulled here")->required();
  app.add_flag("--dry-run", request->dry_run, "say what is damaged and what would be done");
  add_from_option(app, request->means.from);
  return [request](Session& session) { return repair_image(session, *request); };
}

}  // namespace nodeproof::cli
