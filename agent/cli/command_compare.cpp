#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <memory>
#include <vector>

#include "agent/cli/command.hpp"
#include "agent/cli/output.hpp"
#include "agent/cli/report_file.hpp"
#include "agent/report/parity.hpp"

namespace nodeproof::cli {
namespace {

Result<std::vector<NodeReport>> read_reports(const std::vector<std::string>& paths) {
  if (paths.size() < 2) {
    return fail(Errc::usage, "one report compares with nothing", "name two or more");
  }
  if (std::ranges::count(paths, "-") > 1) {
    return fail(Errc::usage, "standard input can be read only once", "name '-' once");
  }
  std::vector<NodeReport> reports;
  reports.reserve(paths.size());
  for (const std::string& path : paths) reports.push_back(TRY(read_report(path)));
  return reports;
}

int compare(Session& session, const std::vector<std::string>& paths) {
  const auto reports = read_reports(paths);
  if (!reports) return complain(session, reports.error());
  const report::Parity parity = report::compare_nodes(*reports);
  if (session.globals.json()) {
    session.streams.out << report::to_json(parity) << '\n';
  } else {
    session.streams.out << report::to_table(parity, {.colour = colours_wanted(STDOUT_FILENO),
                                                     .unicode = report::unicode_wanted(),
                                                     .width = terminal_width(STDOUT_FILENO)});
  }
  return report::exit_code(parity);
}

}  // namespace

// Of nodes' reports: 0 nothing differs, 1 something fails or differs, 2 something could not be
// compared.
Action declare_compare(CLI::App& app) {
  auto paths = std::make_shared<std::vector<std::string>>();
  app.add_option("report", *paths,
                 "reports of two or more nodes, made by check or status with -o json; \"-\" is "
                 "standard input")
      ->required();
  return [paths](Session& session) { return compare(session, *paths); };
}

}  // namespace nodeproof::cli
