#include "agent/cli/check_daemon.hpp"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "agent/cli/output.hpp"
#include "agent/cli/signals.hpp"
#include "agent/report/json.hpp"
#include "agent/report/progress.hpp"
#include "agent/report/progress_json.hpp"
#include "agent/report/verdict.hpp"
#include "agent/status_client.hpp"

namespace nodeproof::cli {
namespace {

// What the daemon's status says of its cycle, as the steps that it is made of.
class Steps {
 public:
  explicit Steps(ProgressSink sink) : sink_(std::move(sink)) {}

  void take(const report::CycleProgress& cycle) {
    for (const std::string& image : std::exchange(under_way_, {})) {
      const bool goes_on =
          std::ranges::find(cycle.images, image, &Progress::image) != cycle.images.end();
      if (!goes_on) sink_({image, Phase::done, 0, 0});
    }
    for (Progress image : cycle.images) {
      under_way_.push_back(image.image);
      image.all_done = cycle.done;
      image.all_total = cycle.total;
      image.all_pace = cycle.pace;
      sink_(image);
    }
  }

 private:
  ProgressSink sink_;
  std::vector<std::string> under_way_;
};

// A status that does not come is no reason to end what was asked for.
void look(const std::filesystem::path& socket, Steps& steps) {
  const auto answer = ask_daemon(socket, "status", std::chrono::seconds(2));
  if (!answer) return;
  if (const auto cycle = report::cycle_progress_from(*answer); cycle && *cycle) steps.take(**cycle);
}

// Nobody likes to look for a fault in a configuration that was not read.
void note_other_configuration(Session& session, const NodeReport& report) {
  const auto config = load_config(session.globals);
  if (config && config::config_digest(*config) == report.config_digest) return;
  session.streams.err << "nodeproof: the daemon judges another configuration than "
                      << config_path(session.globals).string()
                      << " is now\n  to take it over: systemctl reload nodeproof\n";
}

}  // namespace

std::optional<int> check_by_daemon(Session& session) {
  const std::filesystem::path socket = daemon_socket(session.globals);
  SignalStop signals;
  report::ProgressPrinter printer(session.streams.err, isatty(STDERR_FILENO) == 1,
                                  terminal_width(STDERR_FILENO));
  Steps steps(printer.sink());
  const auto answer = ask_daemon(socket, "check", {.meanwhile = [&] {
                                   look(socket, steps);
                                   return !signals.stopped();
                                 }});
  printer.finish();
  if (!answer && answer.error().code == Errc::not_found) return std::nullopt;
  if (!answer) return complain(session, answer.error());
  const auto report = report::from_json(*answer);
  if (!report) return complain(session, report.error());
  print_report(session, *report);
  note_other_configuration(session, *report);
  return report::exit_code(*report);
}

}  // namespace nodeproof::cli
