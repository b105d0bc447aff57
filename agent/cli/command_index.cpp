#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "agent/cli/command.hpp"
#include "agent/cli/ledger_backup.hpp"
#include "agent/cli/seconds.hpp"
#include "agent/cli/side_file.hpp"
#include "agent/cli/signals.hpp"
#include "agent/cli/tag_lock.hpp"
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
  bool keep_previous = false;
  double wait_seconds = 60;
  std::optional<std::string> ledger;  // a folder; "" = this node's
};

// busy: the registry says that the tag has moved.
constexpr auto kDamage =
    std::to_array({Errc::not_found, Errc::corrupt, Errc::digest_mismatch, Errc::truncated,
                   Errc::invalid_document, Errc::unsupported, Errc::busy});

struct IndexRun {
  const Globals& globals;
  const IndexOptions& options;
  [[nodiscard]] std::filesystem::path ledger_folder() const {
    if (!options.ledger->empty()) return *options.ledger;
    return std::filesystem::path(globals.state_dir) / "ledger";
  }
};

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
                       .delete_sources = options.delete_sources,
                       .keep_previous = options.keep_previous},
                      stop);
}

// What is no older backup of the same tag is somebody's, and would be lost.
Result<> check_replaceable(const SideFile& file, const Reference& tag) {
  std::error_code absent;
  if (std::filesystem::file_size(file.path, absent) == 0 || absent) return {};
  const auto known = index::read_backup(file.path);
  std::string other;
  if (known && known->reference != index::full_name(tag))
    other = "the backup of " + known->reference;
  if (!known && known.error().code == Errc::invalid_document)
    other = "something else than a backup";
  if (other.empty()) return {};
  return std::unexpected(not_usable(
      file, {Errc::usage, "it holds " + other, "name another file, or remove this one"}));
}

Result<index::ChangeReport> run_backup(const index::Ports& ports, const IndexOptions& options,
                                       const std::stop_token& stop) {
  if (options.file.empty() && !options.helper_tags) {
    return fail(Errc::usage, "where to? a backup needs -f FILE, --tags or both");
  }
  Reference image = TRY(Reference::parse(options.image));
  if (!options.file.empty() && !options.dry_run) {
    TRY(check_writable_file({"-f", options.file}));
    TRY(check_replaceable({"-f", options.file}, image));
  }
  return index::backup(ports,
                       {.image = std::move(image),
                        .file = options.file,
                        .helper_tags = options.helper_tags,
                        .dry_run = options.dry_run,
                        .validation = {.deep = options.deep, .observe = {}, .judge = {}}},
                       stop);
}

Result<index::Backup> backup_in(const std::string& file) {
  auto backup = index::read_backup(file);
  if (backup) return backup;
  return std::unexpected(not_usable({"-f", file}, std::move(backup).error()));
}

Result<index::ChangeReport> run_restore(const index::Ports& ports, const IndexRun& run,
                                        const std::stop_token& stop) {
  const IndexOptions& options = run.options;
  const Reference target = TRY(Reference::parse(options.image));
  index::Backup backup =
      options.ledger ? TRY(backup_from_ledger({run.ledger_folder()}, target, ports.registry, stop))
                     : TRY(backup_in(options.file));
  return index::restore(ports,
                        {.target = target,
                         .backup = std::move(backup),
                         .drop = TRY(platforms_of(options.drop)),
                         .new_digest = options.new_digest,
                         .dry_run = options.dry_run,
                         .keep_previous = options.keep_previous,
                         .validation = {.deep = options.deep, .observe = {}, .judge = {}}},
                        stop);
}

Result<index::ChangeReport> run_index(const config::Config& config, const IndexRun& run,
                                      const std::stop_token& stop) {
  const IndexOptions& options = run.options;
  const auto access = RegistryAccess::open(config);
  const index::Ports ports{access->origin(), access->writer()};
  if (options.verb == "merge") return run_merge(ports, options, stop);
  if (options.verb == "backup") return run_backup(ports, options, stop);
  return run_restore(ports, run, stop);
}

// For what moves a tag: two at once on one machine would each start from what the other replaces.
Result<std::optional<TagLock>> lock_tag(const IndexOptions& options, const std::stop_token& stop) {
  if (options.verb == "backup" || options.dry_run) return std::optional<TagLock>();
  const Reference tag = TRY(Reference::parse(options.image));
  const auto wait = std::chrono::duration<double>(options.wait_seconds);
  return TRY(TagLock::take(
      {.tag = tag, .wait = std::chrono::duration_cast<std::chrono::milliseconds>(wait)}, stop));
}

int index_command(Session& session, const IndexOptions& options) {
  SignalStop signals;
  auto config = load_config(session.globals);
  if (!config) return complain(session, config.error());
  const auto lock = lock_tag(options, signals.token());
  if (!lock) return complain(session, lock.error());
  auto report = run_index(*config, {session.globals, options}, signals.token());
  if (!report) return complain(session, report.error(), Judged{kDamage});
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

// Of the verbs that move a tag.
void add_mover(CLI::App* sub, const std::shared_ptr<IndexOptions>& options) {
  sub->add_flag("--keep-previous", options->keep_previous,
                "tag what the tag names now as TAG-prev-<12 digits of its digest> first");
  add_seconds(*sub,
              {"--wait",
               "wait so many seconds for another nodeproof on this machine that changes the same "
               "tag (60)"},
              options->wait_seconds);
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
  add_mover(sub, options);
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
  auto* from = restore->add_option_group("from");
  from->add_option("-f,--file", options->file, "the backup");
  from->add_option_function<std::vector<std::string>>(
          "--ledger",
          [options](const std::vector<std::string>& folder) {
            options->ledger = folder.empty() ? "" : folder.front();
          },
          "instead of a backup: what this node has proven last, from its ledger (the state "
          "directory's), or from the one in this folder")
      ->expected(0, 1);
  from->require_option(1);
  add_mover(restore, options);
  restore->add_flag("--new-digest", options->new_digest,
                    "the same index under another digest, where the registry keeps a broken copy");
  restore->add_option("--drop", options->drop, "a platform to leave out or to lose (repeatable)")
      ->allow_extra_args(false);
  return [options](Session& session) { return index_command(session, *options); };
}

}  // namespace nodeproof::cli
