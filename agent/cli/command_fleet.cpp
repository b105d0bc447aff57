#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <sstream>

#include "agent/cli/command.hpp"
#include "agent/cli/output.hpp"
#include "agent/cli/report_file.hpp"
#include "agent/cli/seconds.hpp"
#include "agent/cli/side_file.hpp"
#include "agent/report/fleet.hpp"
#include "agent/report/page/page.hpp"
#include "common/clock.hpp"

namespace nodeproof::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kLongestSilence = std::chrono::days(366);

struct FleetOptions {
  std::vector<std::string> paths;
  std::string expect, silent_after = "2h";
  std::vector<std::string> keys;  // public
};

constexpr std::string_view kSuffix = ".json";

// All files of a folder and of the folders in it but hidden ones, sorted.
Result<std::vector<std::string>> files_in(const fs::path& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code ignored;
    const bool hidden = at->path().filename().string().starts_with('.');
    if (!hidden && at->is_regular_file(ignored)) files.push_back(at->path().string());
  }
  if (error)
    return std::unexpected(not_usable({"REPORT", folder}, {Errc::io, error.message(), ""}));
  std::ranges::sort(files);
  return files;
}

// In a folder what is called otherwise is not read, and told.
Result<report::Collected> read_collected(const std::string& file,
                                         const std::vector<std::string>& named,
                                         std::span<const PublicKey> keys) {
  if (file.ends_with(kSuffix) || std::ranges::find(named, file) != named.end()) {
    report::Collected collected{file, {}, false};
    collected.report = TRY(read_report(file, keys, &collected.attested));
    return collected;
  }
  return fail(Errc::usage, file + ": not read: reports in a folder are called *.json");
}

Result<std::vector<std::string>> files_of(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) {
      files.push_back(path);
      continue;
    }
    for (std::string& file : TRY(files_in(path))) files.push_back(std::move(file));
  }
  if (files.empty()) {
    return fail(Errc::usage, "there is no report: no file in " + paths.front(),
                "collect what each node says, nodeproof status -o json, into a file NODE.json");
  }
  return files;
}

// The first word of each line; "#" begins a remark.
Result<std::set<std::string>> inventory(const std::string& path) {
  std::set<std::string> names;
  std::istringstream lines(TRY(read_side_file({"--expect", path})));
  for (std::string line, name; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    if (words >> name) names.insert(name);
  }
  if (names.empty())
    return std::unexpected(not_usable({"--expect", path}, {Errc::usage, "it names no node", ""}));
  return names;
}

Result<report::FleetQuestion> question_of(const FleetOptions& options) {
  report::FleetQuestion question{.now = SystemClock().now()};
  question.silent_after =
      TRY(parse_span({"--silent-after", options.silent_after, kLongestSilence}));
  if (!options.expect.empty()) question.expected = TRY(inventory(options.expect));
  return question;
}

Result<int> fleet(Session& session, const FleetOptions& options) {
  const auto question = TRY(question_of(options));
  std::vector<PublicKey> keys;
  keys.reserve(options.keys.size());
  for (const std::string& path : options.keys) keys.push_back(TRY(read_public_key(path)));
  std::vector<report::Collected> reports;
  std::vector<Error> unreadable;
  for (const std::string& file : TRY(files_of(options.paths))) {
    auto report = read_collected(file, options.paths, keys);
    if (report) {
      reports.push_back(*std::move(report));
    } else {
      unreadable.push_back(std::move(report).error());
    }
  }
  report::Fleet found = report::survey(std::move(reports), question);
  std::ranges::move(unreadable, std::back_inserter(found.unreadable));
  if (session.globals.json()) {
    session.streams.out << report::to_json(found, question) << '\n';
  } else if (session.globals.output == "html") {
    session.streams.out << report::to_html(found, question);
  } else {
    session.streams.out << report::to_table(found, question,
                                            {.colour = colours_wanted(STDOUT_FILENO),
                                             .unicode = report::unicode_wanted(),
                                             .width = terminal_width(STDOUT_FILENO)});
  }
  constexpr std::array kCodes = {0, 2, 1};  // ready, unknown, not ready
  return kCodes.at(static_cast<std::size_t>(report::verdict_of(found)));
}

}  // namespace

Action declare_fleet(CLI::App& app) {
  auto options = std::make_shared<FleetOptions>();
  app.add_option("report", options->paths,
                 "reports of nodes, made by check or status with -o json, or folders of them")
      ->required();
  app.add_option("--expect", options->expect,
                 "a file that names the nodes that there are, one a line");
  app.add_option(
         "--key", options->keys,
         "public key of nodes that sign their reports: nothing else is believed (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--silent-after", options->silent_after,
                 "a node without a newer report is silent (30m, 2h, 1d)");
  return [options](Session& session) {
    const auto code = fleet(session, *options);
    return code ? *code : complain(session, code.error());
  };
}

}  // namespace nodeproof::cli
