#include <algorithm>

#include "agent/codes.hpp"
#include "agent/index/backup.hpp"
#include "common/crypto.hpp"

namespace nodeproof::index {
namespace {

struct KeptFile {
  const std::filesystem::path& file;
  const Backup& backup;
};

constexpr std::size_t kMaxName = 200;  // a file name has 255 bytes, the temporary one beside it too

// Whether all that the backup names still pulls, by digest.
bool is_there(Registry& registry, const Reference& reference, const Backup& backup,
              const std::stop_token& stop) {
  return std::ranges::all_of(backup.platforms, [&](const auto& platform) {
    const auto digest = Digest::parse(platform.first);
    if (!digest) return false;
    const IndexReport found = validate(registry, at_digest(reference, *digest), {}, stop);
    return found.verdict == IndexVerdict::whole;
  });
}

// A backup holds no layers: what is damaged below an index comes back with it.
std::string restore_command(Registry& registry, const KeepRequest& request, const KeptFile& kept,
                            const std::stop_token& stop) {
  const IndexReport& report = request.report;
  if (report.verdict != IndexVerdict::damaged || request.reference.digest()) return "";
  if (report.index_digest == kept.backup.document.descriptor.digest.str()) return "";
  if (!is_there(registry, request.reference, kept.backup, stop)) return "";
  const bool rotten =
      report.index_digest.empty() &&
      std::ranges::any_of(report.findings, [](const Finding& finding) {
        return finding.code == code::kContentCorrupt || finding.code == code::kIndexDamaged;
      });
  return "nodeproof index restore --tag " + report.reference + " -f " + kept.file.string() +
         (rotten ? " --new-digest" : "");
}

}  // namespace

// '+' and '=' stand in no reference, so that no two references share a file; neither needs quoting
// in a shell.
std::string backup_file_name(const Reference& reference) {
  std::string name = full_name(reference);
  const std::string hash(hash_of(as_bytes(name)).hex().substr(0, 16));
  for (char& c : name) {
    if (c == '/') c = '+';
    if (c == ':') c = '=';
    if (c == '[' || c == ']') c = ',';  // of an IPv6 address
  }
  if (name.size() > kMaxName) name = name.substr(0, kMaxName - hash.size() - 1) + "+" + hash;
  return name + ".json";
}

Result<std::optional<KeptBackup>> keep_backup(Registry& registry, const KeepRequest& request,
                                              const std::stop_token& stop) {
  using State = KeptBackup::State;
  const std::filesystem::path file = request.folder / backup_file_name(request.reference);
  const IndexReport& report = request.report;
  if (!report.only.empty()) {
    return fail(Errc::usage, "a backup needs a look at all platforms", "leave out --platform");
  }
  if (report.verdict != IndexVerdict::whole) {
    const auto kept = read_backup(file);
    if (!kept) return std::optional<KeptBackup>();
    return KeptBackup{file.string(), State::last_good,
                      restore_command(registry, request, {file, *kept}, stop)};
  }
  const Digest digest = TRY(Digest::parse(report.index_digest));
  FetchedManifest found = TRY(registry.manifest(at_digest(request.reference, digest), stop));
  const ComposeDocument document = document_of(request.reference, std::move(found), report);
  const Composition entries = TRY(compose(document, {}, {.keep_duplicates = true}));
  const bool written = TRY(write_backup(file, make_backup(document, entries)));
  return KeptBackup{file.string(), written ? State::written : State::unchanged};
}

}  // namespace nodeproof::index
