#include "agent/index/revisions.hpp"

#include <set>

#include "agent/codes.hpp"
#include "common/crypto.hpp"
#include "common/json.hpp"
#include "common/text.hpp"

namespace nodeproof::index {
namespace {

constexpr const char* kRevision = "org.opencontainers.image.revision";
constexpr std::uint64_t kMaxConfigBytes = 8 << 20;

std::string text_in(const json::Value* object) {
  const json::Value* value = object == nullptr ? nullptr : object->find(kRevision);
  return value == nullptr ? "" : value->string().value_or("");
}

Result<std::string> read_config(Registry& registry, const Reference& origin,
                                const Descriptor& config, const std::stop_token& stop) {
  if (config.size > kMaxConfigBytes) return fail(Errc::too_large, "the config is too large");
  std::string bytes;
  TRY(registry.blob(
      origin, config, 0,
      [&](Bytes piece) -> Result<> {
        bytes += as_text(piece);
        return {};
      },
      stop));
  if (hash_of(as_bytes(bytes), config.digest.algorithm()) == config.digest) return bytes;
  return fail(Errc::digest_mismatch, "the config does not hash to " + config.digest.short_str());
}

Result<std::string> revision_of(Registry& registry, const Reference& origin,
                                const Descriptor& entry, const std::stop_token& stop) {
  const FetchedManifest found = TRY(registry.child(origin, entry, stop));
  const ImageDocument document =
      TRY(parse_image_document(found.bytes, found.descriptor.media_type));
  const auto* image = std::get_if<Manifest>(&document);
  if (image == nullptr) return "";
  const std::string bytes = TRY(read_config(registry, origin, image->config, stop));
  const json::Value config = TRY(json::parse(bytes, {.max_bytes = kMaxConfigBytes}));
  const json::Value* process = config.find("config");
  std::string revision = text_in(process == nullptr ? nullptr : process->find("Labels"));
  if (!revision.empty()) return revision;
  const json::Value manifest = TRY(json::parse(found.bytes, {.max_bytes = found.bytes.size()}));
  revision = text_in(manifest.find("annotations"));
  if (!revision.empty()) return revision;
  const auto own = entry.annotations.find(kRevision);
  return own == entry.annotations.end() ? "" : own->second;
}

}  // namespace

Result<std::vector<Finding>> compare_revisions(Registry& registry, const RevisionQuestion& question,
                                               const std::stop_token& stop) {
  std::set<std::string> revisions;
  std::string told;
  for (const ComposedEntry& entry : question.composition.entries) {
    if (entry.attestation) continue;
    const std::string revision =
        TRY(revision_of(registry, question.origins[entry.document], entry.descriptor, stop));
    revisions.insert(revision);
    if (!told.empty()) told += ", ";
    told += entry.platform + ": " + (revision.empty() ? "none" : printable(revision, 128));
  }
  if (revisions.size() == 1 && !revisions.contains("")) return std::vector<Finding>{};
  return std::vector<Finding>{
      {.code = std::string(code::kRevisionsDiffer),
       .severity = Severity::fail,
       .subject = {},
       .layer = {},
       .message = "the platforms are not built from one revision of the code",
       .evidence = std::string(kRevision) + ": " + told,
       .remedy = "build all platforms from one revision and label them with it"}};
}

}  // namespace nodeproof::index
