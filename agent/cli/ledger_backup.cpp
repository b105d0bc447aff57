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
  const auto proven = records.find(tag.name());
  if (!proven) {
    return fail(Errc::usage, "the ledger in " + ledger.string() + " has no record of " + tag.name(),
                kOtherWays);
  }
  const Descriptor& wanted = proven->index ? *proven->index : proven->manifest;
  auto kept = proven->index ? records.index_bytes(*proven) : records.manifest_bytes(*proven);
  index::Backup backup{tag.name(), {wanted, {}}, {}};
  if (kept) {
    backup.document.bytes = *std::move(kept);
  } else {
    backup.document = TRY(from_registry(registry, tag, wanted, stop));
  }
  if (!proven->index) backup.platforms = TRY(platform_of_single(registry, tag, wanted, stop));
  return backup;
}

}  // namespace nodeproof::cli
