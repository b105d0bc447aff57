#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <map>
#include <memory>

#include "agent/cli/command.hpp"
#include "agent/cli/output.hpp"
#include "agent/cli/report_file.hpp"
#include "agent/cli/seconds.hpp"
#include "agent/report/json.hpp"
#include "agent/report/metrics.hpp"
#include "agent/report/otlp.hpp"
#include "agent/status_client.hpp"
#include "common/clock.hpp"

namespace nodeproof::cli {
namespace {

constexpr std::chrono::seconds kLongest = std::chrono::days(366);

struct MetricsOptions {
  std::vector<std::string> reports;
  std::string stale_after = "2h";
  bool instance = false;
};

// The newest of each node: two of one name would be two values of one sample.
std::vector<NodeReport> newest(std::vector<NodeReport> reports) {
  std::map<std::string, NodeReport> nodes;
  for (NodeReport& report : reports) {
    const auto [entry, is_new] = nodes.try_emplace(report.node, report);
    if (!is_new && entry->second.time < report.time) entry->second = std::move(report);
  }
  std::vector<NodeReport> found;
  found.reserve(nodes.size());
  for (auto& [name, report] : nodes) found.push_back(std::move(report));
  return found;
}

Result<std::vector<NodeReport>> reports_of(Session& session, const MetricsOptions& options) {
  std::vector<NodeReport> reports;
  if (options.reports.empty()) {
    const std::string answer = TRY(ask_daemon(daemon_socket(session.globals), "status"));
    reports.push_back(TRY(report::from_json(answer)));
    return reports;
  }
  for (const std::string& file : options.reports) reports.push_back(TRY(read_report(file)));
  return newest(std::move(reports));
}

Result<> print_metrics(Session& session, const MetricsOptions& options) {
  report::Viewing viewing{.now = SystemClock().now()};
  viewing.stale_after = TRY(parse_span({"--stale-after", options.stale_after, kLongest}));
  const std::vector<NodeReport> reports = TRY(reports_of(session, options));
  if (session.globals.json()) {
    session.streams.out << report::to_otlp(reports, viewing) << '\n';
    return {};
  }
  metrics::Collection samples;
  for (const NodeReport& report : reports) {
    const bool named = options.instance || options.reports.size() > 1;
    if (named) viewing.identity = {{"instance", report.node}};
    report::add_metrics(samples, report, viewing);
  }
  session.streams.out << metrics::to_text(samples);
  return {};
}

}  // namespace

// Exit code 0 whatever the verdict is: the collector that runs it wants to know it all the same.
Action declare_metrics(CLI::App& app) {
  auto options = std::make_shared<MetricsOptions>();
  app.add_option("report", options->reports,
                 "reports of nodes, made by check or status with -o json (the running daemon's)");
  app.add_option("--stale-after", options->stale_after,
                 "an older report counts for nothing: its node is unknown (30m, 2h, 1d)");
  app.add_flag("--instance", options->instance,
               "label every sample with the node's name, as of several reports");
  return [options](Session& session) {
    const auto done = print_metrics(session, *options);
    return done ? static_cast<int>(exit_ok) : complain(session, done.error());
  };
}

}  // namespace nodeproof::cli
