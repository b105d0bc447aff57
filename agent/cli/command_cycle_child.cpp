#include <CLI/App.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "agent/cli/command.hpp"
#include "agent/cli/cycle_run.hpp"
#include "agent/cli/lines.hpp"
#include "agent/cli/signals.hpp"
#include "agent/cli/unpack_rights.hpp"
#include "agent/codes.hpp"
#include "agent/look.hpp"
#include "agent/report/cycle_stream.hpp"
#include "agent/report/sign_of_life.hpp"
#include "common/log.hpp"

namespace nodeproof::cli {
namespace {

bool says_it_is_lost(const Finding& finding) {
  return finding.code == code::kContainerdUnavailable && finding.severity == Severity::unknown;
}

// containerd went away on the way: of what was proven before nothing else is known now.
std::optional<Error> lost_containerd(const NodeReport& report) {
  std::vector<Finding> all = report.findings;
  for (const ImageReport& image : report.images) {
    all.insert(all.end(), image.findings.begin(), image.findings.end());
  }
  const auto lost = std::ranges::find_if(all, says_it_is_lost);
  if (lost == all.end()) return {};
  return Error{Errc::runtime_unavailable, lost->message, lost->remedy};
}

int cycle_child(Session& session, bool asked) {
  const UnpackRights rights = UnpackRights::take();
  UnpackRights::give_up();
  SignalStop signals;
  LineWriter lines(session.streams.out);
  auto config = load_config(session.globals);
  if (!config) {
    lines.write(report::stream_line(config.error()));
    return complain(session, config.error());
  }
  CycleConfig cycle = cycle_config(session.globals, *std::move(config));
  cycle.polling = asked ? Polling::always : Polling::when_due;
  cycle.patient = !asked;
  const SystemClock clock;
  report::SignOfLife life(
      [&lines](const Progress& step) { lines.write(report::stream_line(step)); }, clock);
  const auto progress = [&life](const Progress& step) { life.take(step); };
  auto outcome = run_once(cycle, {{}, rights.way(cycle.settings)}, progress, signals.token());
  if (!outcome) {
    lines.write(report::stream_line(outcome.error()));
    return complain(session, outcome.error());
  }
  if (const auto lost = lost_containerd(*outcome)) {
    lines.write(report::stream_line(*lost));
    return complain(session, *lost);
  }
  // For the looks between the cycles; without it they look for what they did.
  if (auto kept = save_look(cycle.run_dir, look_list(cycle, *outcome)); !kept) {
    log::warning(kept.error().message);
  }
  lines.write(report::stream_line(*outcome));
  return exit_ok;
}

}  // namespace

// For the daemon: NDJSON on stdout, progress (said again while a step takes long) and then one
// report or one error.
Action declare_cycle_child(CLI::App& app) {
  auto asked = std::make_shared<bool>(false);
  app.add_flag("--asked", *asked, "by a person, who does not wait for windows and periods");
  return [asked](Session& session) { return cycle_child(session, *asked); };
}

}  // namespace nodeproof::cli
