#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <vector>

#include "agent/cli/command.hpp"
#include "agent/cli/signals.hpp"
#include "agent/cli/wiring.hpp"
#include "agent/index/merge.hpp"
#include "agent/index/restore.hpp"

namespace nodeproof::cli {
namespace {

struct IndexOptions {
  std::string verb;   // the sub-command
  std::string image;  // backup's IMAGE, the others' --tag
  std::vector<std::string> sources;
  std::vector<std::string> drop;
  std::string file;
  bool dry_run = false;
  bool deep = false;
  bool keep_duplicates = false;
  bool only_sources = false;
  bool same_revision = false;
  bool delete_sources = false;
  bool helper_tags = false;
  bool new_digest = false;
};

int exit_code_of(const Error& error) {
  switch (error.code) {
    case Errc::usage:
    case Errc::invalid_reference:
      return exit_usage;
    case Errc::invalid_config:
      return exit_config;
    case Errc::cancelled:
      return exit_interrupted;
    case Errc::internal:
      return exit_internal;
    case Errc::not_found:
    case Errc::corrupt:
    case Errc::digest_mismatch:
    case Errc::truncated:
    case Errc::invalid_document:
    case Errc::unsupported:
    case Errc::busy:  // the registry says that the tag has moved
      return 1;
    default:
      return 2;  // could not be asked, or not be written
  }
}

Result<std::vector<Platform>> platforms_of(const std::vector<std::string>& texts) {
  std::vector<Platform> platforms;
  platforms.reserve(texts.size());
  for (const std::string& text : texts) platforms.push_back(TRY(parse_platform(text)));
  return platforms;
}

Result<index::ChangeReport> run_merge(const index::Ports& ports, const IndexOptions& options,
                                      const std::stop_token& stop) {
  std::vector<Reference> sources;
  sources.reserve(options.sources.size());
  for (const std::string& source : options.sources) {
    sources.push_back(TRY(Reference::parse(source)));
  }
  return index::merge(ports,
                      {.target = TRY(Reference::parse(options.image)),
                       .sources = std::move(sources),
                       .compose = {.drop = TRY(platforms_of(options.drop)),
                                   .keep_duplicates = options.keep_duplicates,
                                   .only_sources = options.only_sources},
                       .validation = {.deep = options.deep, .observe = {}, .judge = {}},
                       .dry_run = options.dry_run,
                       .require_same_revision = options.same_revision,
                       .delete_sources = options.delete_sources},
                      stop);
}

Result<index::ChangeReport> run_backup(const index::Ports& ports, const IndexOptions& options,
                                       const std::stop_token& stop) {
  if (options.file.empty() && !options.helper_tags) {
    return fail(Errc::usage, "where to? a backup needs -f FILE, --tags or both");
  }
  return index::backup(ports,
                       {.image = TRY(Reference::parse(options.image)),
                        .file = options.file,
                        .helper_tags = options.helper_tags,
                        .dry_run = options.dry_run,
                        .validation = {.deep = options.deep, .observe = {}, .judge = {}}},
                       stop);
}

Result<index::ChangeReport> run_restore(const index::Ports& ports, const IndexOptions& options,
                                        const std::stop_token& stop) {
  auto backup = index::read_backup(options.file);
  if (!backup) {
    Error error = std::move(backup).error();
    error.code = Errc::usage;
    return std::unexpected(std::move(error).with_context("reading the backup"));
  }
  return index::restore(ports,
                        {.target = TRY(Reference::parse(options.image)),
                         .backup = *std::move(backup),
                         .drop = TRY(platforms_of(options.drop)),
                         .new_digest = options.new_digest,
                         .dry_run = options.dry_run,
                         .validation = {.deep = options.deep, .observe = {}, .judge = {}}},
                        stop);
}

Result<index::ChangeReport> run_index(const config::Config& config, const IndexOptions& options,
                                      const std::stop_token& stop) {
  const auto access = TRY(RegistryAccess::open(config));
  const index::Ports ports{access->origin(), access->writer()};
  if (options.verb == "merge") return run_merge(ports, options, stop);
  if (options.verb == "backup") return run_backup(ports, options, stop);
  return run_restore(ports, options, stop);
}

int index_command(Session& session, const IndexOptions& options) {
  SignalStop signals;
  auto config = load_config(session.globals);
  if (!config) return complain(session, config.error());
  auto report = run_index(*config, options, signals.token());
  if (!report) {
    complain(session, report.error());
    return exit_code_of(report.error());
  }
  if (session.globals.json()) {
    session.streams.out << index::to_json(*report) << '\n';
  } else {
    session.streams.out << index::to_table(*report);
  }
  return index::exit_code(*report);
}

CLI::App* add_verb(CLI::App& app, const std::shared_ptr<IndexOptions>& options,
                   const std::string& verb, const std::string& summary) {
  CLI::App* sub = app.add_subcommand(verb, summary);
  sub->parse_complete_callback([options, verb] { options->verb = verb; });
  sub->add_flag("--dry-run", options->dry_run, "show what would be done, write nothing");
  sub->add_flag("--deep", options->deep, "read and hash every layer instead of its last byte");
  return sub;
}

void declare_merge(CLI::App& app, const std::shared_ptr<IndexOptions>& options) {
  CLI::App* sub = add_verb(app, options, "merge",
                           "put the sources' platforms into a tag; its other platforms stay");
  sub->add_option("--tag", options->image, "the tag to change or make")->required();
  sub->add_option("source", options->sources, "tags or digests, indexes or single manifests")
      ->required();
  sub->add_option("--drop", options->drop, "a platform that may be lost (repeatable)")
      ->allow_extra_args(false);
  sub->add_flag("--keep-duplicates", options->keep_duplicates,
                "keep several manifests for one platform");
  sub->add_flag("--only-sources", options->only_sources,
                "keep nothing of the tag itself; a platform is still not lost without --drop");
  sub->add_flag("--require-same-revision", options->same_revision,
                "refuse platforms built from different revisions of the code");
  sub->add_flag("--delete-sources", options->delete_sources,
                "delete the sources' tags, where the registry can do so without losing an image");
}

}  // namespace

Action declare_index(CLI::App& app) {
  auto options = std::make_shared<IndexOptions>();
  app.require_subcommand(1);
  declare_merge(app, options);
  CLI::App* backup = add_verb(app, options, "backup", "keep what a tag can be rebuilt from");
  backup->add_option("image", options->image, "image reference")->required();
  backup->add_option("-f,--file", options->file, "write the index and its digests here");
  backup->add_flag("--tags", options->helper_tags,
                   "tag every platform as TAG-linux-arm64, so that no garbage collection takes it");
  CLI::App* restore = add_verb(app, options, "restore", "make a tag what it was at its backup");
  restore->add_option("--tag", options->image, "the tag to restore")->required();
  restore->add_option("-f,--file", options->file, "the backup")->required();
  restore->add_flag("--new-digest", options->new_digest,
                    "the same index under another digest, where the registry keeps a broken copy");
  restore->add_option("--drop", options->drop, "a platform to leave out or to lose (repeatable)")
      ->allow_extra_args(false);
  return [options](Session& session) { return index_command(session, *options); };
}

}  // namespace nodeproof::cli
