#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <memory>
#include <vector>

#include "agent/cli/asked_host.hpp"
#include "agent/cli/census.hpp"
#include "agent/cli/command.hpp"
#include "agent/cli/host_check.hpp"
#include "agent/cli/image_source.hpp"
#include "agent/cli/inspect_sarif.hpp"
#include "agent/cli/inspect_table.hpp"
#include "agent/cli/output.hpp"
#include "agent/cli/side_file.hpp"
#include "agent/cli/signals.hpp"
#include "agent/cli/wiring.hpp"
#include "agent/index/backup.hpp"
#include "agent/index/render.hpp"
#include "agent/index/validate.hpp"
#include "common/clock.hpp"
#include "common/file.hpp"

namespace nodeproof::cli {
namespace {

using index::IndexReport;

struct InspectOptions {
  std::vector<std::string> images;
  std::vector<std::string> from;
  std::string file;     // -f
  std::string metrics;  // a file
  std::string backups;  // a folder
  std::vector<std::string> hosts;
  std::vector<std::string> platforms;
  std::string fail_on;
  bool deep = false;
  bool all_platforms = false;
  [[nodiscard]] bool fail_on_warn() const { return fail_on == "warn"; }
  // A script that reads a list writes for a list, of whatever length.
  [[nodiscard]] bool list() const { return !file.empty() || images.size() != 1; }
};

std::string trimmed(std::string_view line) {
  line = line.substr(0, line.find('#'));
  const auto first = line.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return "";
  return std::string(line.substr(first, line.find_last_not_of(" \t\r") - first + 1));
}

// One reference per line; "#" begins a comment.
Result<> add_file(const std::string& file, std::vector<Reference>& references) {
  const std::string text = TRY(read_side_file({"-f", file}));
  std::size_t number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    ++number;
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string line = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    auto reference = Reference::parse(line);
    if (!reference) {
      return std::unexpected(
          std::move(reference).error().with_context(file + ":" + std::to_string(number)));
    }
    references.push_back(*std::move(reference));
  }
  return {};
}

// Nothing is asked before every name is one.
Result<std::vector<Reference>> references_of(const InspectOptions& options) {
  std::vector<Reference> references;
  references.reserve(options.images.size());
  for (const std::string& image : options.images)
    references.push_back(TRY(Reference::parse(image)));
  if (!options.file.empty()) TRY(add_file(options.file, references));
  if (references.empty()) {
    return fail(Errc::usage, "no image is named", "nodeproof inspect IMAGE..., or -f FILE");
  }
  return references;
}

Result<index::ValidateOptions> validate_options(const InspectOptions& options) {
  index::ValidateOptions wanted{.deep = options.deep};
  wanted.layouts = !options.from.empty();
  for (const std::string& platform : options.platforms) {
    wanted.platforms.push_back(TRY(asked_platform(platform)));
  }
  return wanted;
}

// What is written at the end of a long run.
Result<> check_side_files(const InspectOptions& options) {
  if (!options.backups.empty()) TRY(check_writable_folder({"--backup-dir", options.backups}));
  if (!options.metrics.empty()) TRY(check_writable_file({"--metrics", options.metrics}));
  return {};
}

struct Inspection {
  std::vector<IndexReport> reports;
  std::optional<Error> error;  // the first file that could not be written
};

class Inspector {
 public:
  static Result<Inspection> run(const InspectOptions& options, const config::Config& config,
                                const std::stop_token& stop) {
    Inspector inspector{options, stop};
    const auto references = TRY(references_of(options));
    inspector.wanted_ = TRY(validate_options(options));
    inspector.hosts_ = TRY(hosts_in(options.hosts, config, stop));
    inspector.leniency_ = TRY(report::make_leniency(config.accept, config.rule_set));
    TRY(check_side_files(options));
    inspector.source_ = TRY(ImageSource::open(config, options.from, references));
    TRY(inspector.source_->usable());
    if (options.deep || !options.hosts.empty()) inspector.census_ = TRY(Census::open());
    for (const Reference& reference : references) inspector.look_at(reference);
    return std::move(inspector.result_);
  }

 private:
  Inspector(const InspectOptions& options, const std::stop_token& stop)
      : options_(options), stop_(stop) {}

  void look_at(const Reference& reference) {
    Registry& registry = source_->origin();
    HostCheck hosts(registry, {reference, hosts_, leniency_}, stop_);
    if (census_) census_->observe(wanted_);
    if (options_.deep) census_->join(wanted_, reference);
    if (!hosts_.empty()) hosts.join(wanted_);
    IndexReport& report =
        result_.reports.emplace_back(index::validate(registry, reference, wanted_, stop_));
    if (census_) hosts.conclude(report, census_->inventories());
    if (!options_.backups.empty()) keep(reference, report);
  }

  void keep(const Reference& reference, IndexReport& report) {
    const std::filesystem::path folder(options_.backups);
    auto kept = index::keep_backup(source_->origin(), {folder, reference, report}, stop_);
    if (kept) {
      report.backup = *std::move(kept);
      // It would mend a registry's tag, and none was asked.
      if (report.backup && wanted_.layouts) report.backup->remedy.clear();
    } else if (!result_.error) {
      result_.error =
          not_written({"--backup-dir", folder},
                      std::move(kept).error().with_context("a backup of " + reference.name()));
    }
  }

  const InspectOptions& options_;
  std::stop_token stop_;
  index::ValidateOptions wanted_;
  std::vector<NamedHost> hosts_;
  report::Leniency leniency_;
  std::unique_ptr<ImageSource> source_;
  std::unique_ptr<Census> census_;
  Inspection result_;
};

void print(Session& session, const InspectOptions& options,
           const std::vector<IndexReport>& reports) {
  std::ostream& out = session.streams.out;
  if (session.globals.output == "junit") {
    out << index::to_junit(reports, options.fail_on_warn());
  } else if (session.globals.output == "sarif") {
    out << to_sarif(reports);
  } else if (session.globals.json()) {
    out << (options.list() ? index::to_json(reports) : index::to_json(reports.front())) << '\n';
  } else {
    const report::TableStyle style{.colour = colours_wanted(STDOUT_FILENO),
                                   .unicode = report::unicode_wanted(),
                                   .width = terminal_width(STDOUT_FILENO)};
    for (const IndexReport& report : reports) out << to_table(report, style);
  }
}

void write_metrics(const std::string& file, Inspection& done) {
  std::error_code ignored;
  const auto path = std::filesystem::absolute(file, ignored);
  auto written = write_file_atomically(path, index::to_metrics(done.reports, SystemClock().now()));
  if (!written && !done.error) done.error = not_written({"--metrics", file}, written.error());
}

int inspect(Session& session, const InspectOptions& options) {
  SignalStop signals;
  auto config = load_config(session.globals);
  if (!config) return complain(session, config.error());
  auto done = Inspector::run(options, *config, signals.token());
  if (!done) return complain(session, done.error());
  print(session, options, done->reports);
  if (!options.metrics.empty()) write_metrics(options.metrics, *done);
  if (signals.stopped()) return exit_interrupted;
  const int code = index::exit_code(done->reports, options.fail_on_warn());
  if (!done->error) return code;
  const int failed = complain(session, *done->error);
  return code == 0 ? failed : code;
}

}  // namespace

Action declare_inspect(CLI::App& app) {
  auto options = std::make_shared<InspectOptions>();
  app.add_option("image", options->images, "tags or digests");
  add_from_option(app, options->from);
  app.add_option("-f,--file", options->file, "a file with one image per line; # begins a comment");
  app.add_flag("--deep", options->deep,
               "read and hash every layer, and inspect the programs in it; else every layer is "
               "asked for its last byte");
  auto* all = app.add_flag("--all-platforms", options->all_platforms, "the default");
  auto* only = app.add_option("--platform", options->platforms,
                              "only this one, as linux/arm64; may be repeated")
                   ->allow_extra_args(false)
                   ->excludes(all);
  app.add_option(
         "--host", options->hosts,
         std::string("is it right for this host? Reads and inspects what it would take; may "
                     "be repeated. It is ") +
             kHostOption)
      ->allow_extra_args(false)
      ->excludes(only);
  app.add_option("--fail-on", options->fail_on, "warn: a warning exits with 1 too")
      ->check(CLI::IsMember({"warn"}));
  app.add_option("--metrics", options->metrics,
                 "write Prometheus metrics for the textfile collector to this file");
  app.add_option("--backup-dir", options->backups,
                 "keep a backup of each whole tag in this folder, for 'nodeproof index restore'")
      ->excludes(only);
  return [options](Session& session) { return inspect(session, *options); };
}

}  // namespace nodeproof::cli
