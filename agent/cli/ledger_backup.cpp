#include "agent/cli/ledger_backup.hpp"

#include "agent/index/tag_state.hpp"
#include "agent/resolve/ledger.hpp"

namespace nodeproof::cli {
namespace {

constexpr const char* kOtherWays =
    "restore it from a file (-f), from another node's ledger (--ledger FOLDER), or push it again";

Result<FetchedManifest> from_registry(Registry& registry, const Reference& tag,
                                      const Descriptor& wanted, const std::stop_token& stop) {
  auto found = registry.manifest(index::at_digest(tag, wanted.digest), stop);
  if (found) return found;
  Error error = std::move(found).error();
  if (error.remedy.empty() || error.code == Errc::not_found) error.remedy = kOtherWays;
  return std::unexpected(std::move(error).with_context(
      "the ledger keeps no copy of " + wanted.digest.short_str() + ", and of the registry's"));
}

Result<resolve::ProvenImage> record_of(const resolve::Ledger& records,
                                       const std::filesystem::path& ledger, const Reference& tag) {
  auto found = records.look_up(tag.name());
  if (found && *found) return **std::move(found);
  const std::string no_record =
      "the ledger in " + ledger.string() + " has no record of " + tag.name();
  if (found) return fail(Errc::usage, no_record, kOtherWays);
  Error error = std::move(found).error();
  if (error.code == Errc::not_found) {
    return fail(Errc::usage, no_record + ": " + error.message, kOtherWays);
  }
  if (error.code == Errc::permission_denied) error.remedy = "run it as who may read the ledger";
  return std::unexpected(
      std::move(error).with_context("the ledger in " + ledger.string() + " cannot be read"));
}

// No index says which platform it is for; its config does.
Result<std::map<std::string, std::string>> platform_of_single(Registry& registry,
                                                              const Reference& tag,
                                                              const Descriptor& manifest,
                                                              const std::stop_token& stop) {
  const auto state =
      TRY(index::read_tag(registry, index::at_digest(tag, manifest.digest), {}, stop));
  std::map<std::string, std::string> platforms;
  for (const auto& [digest, platform] : state.document.platforms) {
    platforms[digest] = to_string(platform);
  }
  return platforms;
}

}  // namespace

Result<index::Backup> backup_from_ledger(const std::filesystem::path& ledger, const Reference& tag,
                                         Registry& registry, const std::stop_token& stop) {
  const resolve::Ledger records(ledger);
  const auto proven = TRY(record_of(records, ledger, tag));
  const Descriptor& wanted = proven.index ? *proven.index : proven.manifest;
  auto kept = proven.index ? records.index_bytes(proven) : records.manifest_bytes(proven);
  index::Backup backup{tag.name(), {wanted, {}}, {}};
  if (kept) {
    backup.document.bytes = *std::move(kept);
  } else {
    backup.document = TRY(from_registry(registry, tag, wanted, stop));
  }
  if (!proven.index) backup.platforms = TRY(platform_of_single(registry, tag, wanted, stop));
  return backup;
}

}  // namespace nodeproof::cli
