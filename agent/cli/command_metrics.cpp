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
#include "agent/report/verdict.hpp"
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

struct Found {
  std::vector<NodeReport> reports;
  bool all = true;  // none of them could not be read
};

// One node's file that is no report takes nothing from the others.
Result<Found> reports_of(Session& session, const MetricsOptions& options) {
  Found found;
  std::vector<NodeReport>& reports = found.reports;
  if (options.reports.empty()) {
    const std::string answer = TRY(ask_daemon(daemon_socket(session.globals), "status"));
    reports.push_back(TRY(report::from_json(answer)));
    return found;
  }
  for (const std::string& file : options.reports) {
    auto report = read_report(file);
    if (!report && options.reports.size() == 1) return std::unexpected(std::move(report).error());
    if (report) {
      reports.push_back(*std::move(report));
    } else {
      complain(session, report.error());
      found.all = false;
    }
  }
  reports = newest(std::move(reports));
  return found;
}

// Its exit code: 2 when a report could not be read.
Result<int> print_metrics(Session& session, const MetricsOptions& options) {
  report::Viewing viewing{.now = SystemClock().now()};
  viewing.stale_after = TRY(parse_span({"--stale-after", options.stale_after, kLongest}));
  const auto [reports, all] = TRY(reports_of(session, options));
  const int code = all ? static_cast<int>(exit_ok) : static_cast<int>(report::ExitCode::unknown);
  if (session.globals.json()) {
    session.streams.out << report::to_otlp(reports, viewing) << '\n';
    return code;
  }
  metrics::Collection samples;
  for (const NodeReport& report : reports) {
    const bool named = options.instance || options.reports.size() > 1;
    if (named) viewing.identity = {{"instance", report.node}};
    report::add_metrics(samples, report, viewing);
  }
  session.streams.out << metrics::to_text(samples);
  return code;
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
    const auto code = print_metrics(session, *options);
    return code ? *code : complain(session, code.error());
  };
}

}  // namespace nodeproof::cli
