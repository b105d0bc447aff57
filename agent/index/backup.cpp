#include "agent/index/backup.hpp"

#include <algorithm>

#include "agent/index/entries.hpp"
#include "common/crypto.hpp"
#include "common/file.hpp"
#include "common/json.hpp"

namespace nodeproof::index {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kMaxBytes = 16 << 20;  // an index of 4 MiB with every byte escaped
constexpr std::size_t kMaxTag = 128;         // distribution-spec, "Pulling manifests"

Result<std::string> text_at(const json::Value& object, std::string_view key) {
  const json::Value* member = TRY(object.at(key));
  return member->string();
}

std::string tag_word(const std::string& platform) {
  std::string word = platform;
  for (char& c : word) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_';
    if (!fits) c = '-';
  }
  return word;
}

struct HelperTag {
  std::string name;
  Descriptor manifest;
};

// "1-linux-arm64", "1-linux-arm64-2" for a second one, "1-linux-arm64-attestation".
Result<std::vector<HelperTag>> helper_tags(const Reference& image, const Composition& entries) {
  std::vector<HelperTag> tags;
  std::map<std::string, unsigned> taken;
  for (const ComposedEntry& entry : entries.entries) {
    std::string name = image.tag() + "-";
    name += entry.platform.empty() ? std::string("entry") : tag_word(entry.platform);
    if (entry.attestation) name += "-attestation";
    if (const unsigned number = ++taken[name]; number > 1) name += "-" + std::to_string(number);
    if (name.size() > kMaxTag) {
      return fail(Errc::usage, "the helper tag " + name + " is longer than 128 characters",
                  "use a shorter tag, or back up without --tags");
    }
    tags.push_back({std::move(name), entry.descriptor});
  }
  return tags;
}

class Backer {
 public:
  Backer(const Ports& ports, const BackupRequest& request) : ports_(ports), request_(request) {
    report_.action = "backup";
    report_.reference = request.image.name();
  }

  Result<ChangeReport> run(const std::stop_token& stop) {
    const TagState state =
        TRY(read_tag(ports_.registry, request_.image, request_.validation, stop));
    report_.before = report_.after = state.digest().str();
    report_.media_type = state.document.document.descriptor.media_type;
    report_.findings =
        damages(state.document.name, state.report,
                "restore it from an older backup (nodeproof index restore), or push it again");
    // The document as it is, read as a merge reads it.
    const Composition entries = TRY(compose(state.document, {}, {.keep_duplicates = true}));
    report_.changes = entries.changes;
    if (blocks(report_)) return std::move(report_);
    const std::vector<HelperTag> tags =
        request_.helper_tags ? TRY(helper_tags(request_.image, entries)) : std::vector<HelperTag>{};
    report_.outcome = request_.dry_run ? Outcome::would_do : Outcome::unchanged;
    if (request_.dry_run) return std::move(report_);
    for (const HelperTag& tag : tags) TRY(write_tag(tag, stop));
    TRY(write_file(state, entries));
    return std::move(report_);
  }

 private:
  Result<> write_tag(const HelperTag& helper, const std::stop_token& stop) {
    const Reference tag = TRY(at_tag(request_.image, helper.name));
    if (TRY(ports_.writer.tag_digest(tag, stop)) == helper.manifest.digest) return {};
    const FetchedManifest manifest =
        TRY(ports_.registry.child(request_.image, helper.manifest, stop));
    TRY(ports_.writer.put_manifest(tag, manifest, {}, stop));
    report_.steps.push_back("tagged " + helper.manifest.digest.short_str() + " as " + tag.name());
    report_.outcome = Outcome::done;
    return {};
  }

  Result<> write_file(const TagState& state, const Composition& entries) {
    if (request_.file.empty()) return {};
    if (!TRY(write_backup(request_.file, make_backup(state.document, entries)))) return {};
    report_.steps.push_back("wrote " + request_.file.string());
    report_.outcome = Outcome::done;
    return {};
  }

  const Ports& ports_;
  const BackupRequest& request_;
  ChangeReport report_;
};

}  // namespace

Backup make_backup(const ComposeDocument& document, const Composition& entries) {
  Backup made{document.name, document.document, {}};
  for (const ComposedEntry& entry : entries.entries) {
    if (!entry.attestation) made.platforms[entry.descriptor.digest.str()] = entry.platform;
  }
  return made;
}

Result<bool> write_backup(const std::filesystem::path& file, const Backup& backup) {
  const std::string text = to_json(backup);
  const auto known = read_file(file, kMaxBytes);
  if (known && *known == text) return false;
  TRY(write_file_atomically(file, text));
  return true;
}

std::string to_json(const Backup& backup) {
  json::Writer writer(true);
  writer.begin_object()
      .member("apiVersion", "nodeproof.dev/v1")
      .member("kind", "IndexBackup")
      .member("version", kVersion)
      .member("reference", backup.reference)
      .member("mediaType", backup.document.descriptor.media_type)
      .member("digest", backup.document.descriptor.digest.str())
      .key("platforms")
      .begin_array();
  for (const auto& [digest, platform] : backup.platforms) {
    writer.begin_object().member("platform", platform).member("digest", digest).end_object();
  }
  writer.end_array().member("document", backup.document.bytes).end_object();
  return writer.str() + "\n";
}

Result<Backup> parse_backup(std::string_view text) {
  const json::Value root = TRY(json::parse(text, {.max_bytes = kMaxBytes}));
  if (TRY(text_at(root, "kind")) != "IndexBackup") {
    return fail(Errc::invalid_document, "this is no backup of an index");
  }
  const json::Value* version = TRY(root.at("version"));
  if (TRY(version->unsigned_integer()) != kVersion) {
    return fail(Errc::unsupported, "the backup is of another version",
                "restore it with the nodeproof that wrote it, or a newer one");
  }
  const std::string named = TRY(text_at(root, "digest"));
  const Digest digest = TRY(Digest::parse(named));
  std::string bytes = TRY(text_at(root, "document"));
  if (hash_of(as_bytes(bytes), digest.algorithm()) != digest) {
    return fail(
        Errc::digest_mismatch,
        "the backed up document does not hash to " + digest.short_str() + ": the file was changed",
        "use another copy of the backup");
  }
  const std::uint64_t size = bytes.size();
  Backup backup{TRY(text_at(root, "reference")),
                {{TRY(text_at(root, "mediaType")), digest, size, {}, {}}, std::move(bytes)},
                {}};
  const json::Value* platforms = TRY(root.at("platforms"));
  for (const json::Value& item : platforms->items()) {
    backup.platforms[TRY(text_at(item, "digest"))] = TRY(text_at(item, "platform"));
  }
  return backup;
}

Result<Backup> read_backup(const std::filesystem::path& file) {
  const std::string text = TRY(read_file(file, kMaxBytes));
  auto backup = parse_backup(text);
  if (!backup) return std::unexpected(std::move(backup).error().with_context(file.string()));
  return backup;
}

Result<ChangeReport> backup(const Ports& ports, const BackupRequest& request,
                            const std::stop_token& stop) {
  if (request.helper_tags && request.image.tag().empty()) {
    return fail(Errc::usage, request.image.name() + " has no tag to name helper tags after",
                "give the image by its tag, or back up without --tags");
  }
  return Backer(ports, request).run(stop);
}

}  // namespace nodeproof::index
