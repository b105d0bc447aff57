#include <unistd.h>

#include <CLI/App.hpp>

#include "agent/cli/command.hpp"
#include "agent/cli/output.hpp"
#include "agent/codes.hpp"
#include "agent/report/json.hpp"
#include "agent/report/progress_bars.hpp"
#include "agent/report/progress_json.hpp"
#include "agent/report/sink/sink_state.hpp"
#include "agent/report/table.hpp"
#include "agent/report/verdict.hpp"
#include "agent/status_client.hpp"
#include "common/clock.hpp"
#include "common/text.hpp"

namespace nodeproof::cli {
namespace {

// Nothing is known and nothing is wrong: the first cycle has not ended.
bool is_empty(const NodeReport& report) {
  return report.reason == code::kNotChecked && report.findings.size() <= 1;
}

void print_status(Session& session, const NodeReport& report,
                  const report::CycleProgress& progress) {
  std::ostream& out = session.streams.out;
  if (session.globals.json()) {
    out << report::to_json(report, true, &progress) << '\n';
    return;
  }
  if (session.globals.output != "table") {
    print_report(session, report, true);
    return;
  }
  if (is_empty(report)) {
    out << "not checked yet; ";
  } else {
    print_report(session, report);
    out << '\n';
  }
  out << report::progress_section(progress, terminal_width(STDOUT_FILENO),
                                  report::unicode_wanted());
}

// For who may look: the service's folder is root's. On stderr, for the report says nothing of it.
void print_undelivered(Session& session) {
  if (session.globals.output != "table") return;
  for (const report::SinkState& state : report::load_sink_states(session.globals.run_dir)) {
    if (state.problem.empty()) continue;
    const auto& last = state.counters.last_success;
    session.streams.err << "nodeproof: reports to " << state.counters.sink << ": "
                        << printable(state.problem) << "; "
                        << (last ? "last delivered " + to_rfc3339(*last) : "never delivered")
                        << '\n';
  }
}

int status(Session& session) {
  auto answer = ask_daemon(daemon_socket(session.globals), "status");
  if (!answer) {
    complain(session, answer.error());
    return static_cast<int>(report::ExitCode::unknown);
  }
  auto report = report::from_json(*answer);
  if (!report) return complain(session, report.error());
  auto progress = report::cycle_progress_from(*answer);
  if (!progress) return complain(session, progress.error());
  if (*progress) {
    print_status(session, *report, **progress);
  } else {
    print_report(session, *report);
  }
  print_undelivered(session);
  return report::exit_code(*report);
}

}  // namespace

// The daemon's last report in the asked-for form, and how far the cycle under way is; the exit code
// is the report's verdict.
Action declare_status(CLI::App& /*app*/) { return status; }

}  // namespace nodeproof::cli
