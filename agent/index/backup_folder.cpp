#include <algorithm>

#include "agent/index/backup.hpp"
#include "common/crypto.hpp"

namespace nodeproof::index {
namespace {

constexpr std::size_t kMaxName = 200;  // a file name has 255 bytes, the temporary one beside it too

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
  if (report.verdict != IndexVerdict::whole) {
    if (!read_backup(file)) return std::optional<KeptBackup>();
    return KeptBackup{file.string(), State::last_good};
  }
  const Digest digest = TRY(Digest::parse(report.index_digest));
  FetchedManifest found = TRY(registry.manifest(at_digest(request.reference, digest), stop));
  const ComposeDocument document = document_of(request.reference, std::move(found), report);
  const Composition entries = TRY(compose(document, {}, {.keep_duplicates = true}));
  const bool written = TRY(write_backup(file, make_backup(document, entries)));
  return KeptBackup{file.string(), written ? State::written : State::unchanged};
}

}  // namespace nodeproof::index
