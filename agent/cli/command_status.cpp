#include <CLI/App.hpp>

#include "agent/cli/command.hpp"
#include "agent/cli/output.hpp"
#include "agent/report/json.hpp"
#include "agent/report/verdict.hpp"
#include "agent/status_client.hpp"

namespace nodeproof::cli {

// The daemon's last report in the asked-for form; the exit code is its verdict.
Action declare_status(CLI::App& /*app*/) {
  return [](Session& session) {
    auto answer = ask_daemon(daemon_socket(session.globals), "status");
    if (!answer) {
      complain(session, answer.error());
      return static_cast<int>(report::ExitCode::unknown);
    }
    auto report = report::from_json(*answer);
    if (!report) return complain(session, report.error());
    print_report(session, *report);
    return report::exit_code(*report);
  };
}

}  // namespace nodeproof::cli
