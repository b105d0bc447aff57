#include "agent/index/delete_tag.hpp"

#include <map>

#include "agent/codes.hpp"
#include "common/crypto.hpp"
#include "common/json.hpp"

namespace nodeproof::index {
namespace {

// An index of nothing: whatever becomes of it, nothing is lost.
FetchedManifest throwaway(const std::string& repository) {
  json::Writer writer;
  writer.begin_object()
      .member("schemaVersion", std::uint64_t{2})
      .member("mediaType", media_type::kOciIndex)
      .key("manifests")
      .begin_array()
      .end_array()
      .key("annotations")
      .begin_object()
      .member("dev.nodeproof.purpose", "shows whether deleting a tag in " + repository +
                                           " leaves its manifest; may be deleted")
      .end_object()
      .end_object();
  std::string bytes = writer.str();
  const Digest digest = hash_of(as_bytes(bytes));
  const std::uint64_t size = bytes.size();
  return {{std::string(media_type::kOciIndex), digest, size, {}, {}}, std::move(bytes)};
}

// "" = shown; else why not.
Result<std::string> why_not(const Ports& ports, const Reference& repository,
                            const std::stop_token& stop) {
  const FetchedManifest document = throwaway(repository.repository());
  const std::string name =
      "nodeproof-probe-" + std::string(document.descriptor.digest.hex().substr(0, 12));
  const Reference tag = TRY(at_tag(repository, name));
  const Reference own = at_digest(repository, document.descriptor.digest);
  // Asked first for a tag that is not there, which costs nothing: registry:2 takes the name for a
  // digest.
  const auto absent = ports.writer.remove(tag, stop);
  if (absent) return "it says it has deleted a tag that does not exist";
  if (absent.error().code != Errc::not_found) {
    return "it deletes by digest only, which would take the merged image too (" +
           absent.error().message + ")";
  }
  TRY(ports.writer.put_manifest(tag, document, {}, stop));
  const auto removed = ports.writer.remove(tag, stop);
  const auto left = ports.writer.tag_digest(tag, stop);
  const bool manifest_left = ports.registry.manifest(own, stop).has_value();
  if (manifest_left) static_cast<void>(ports.writer.remove(own, stop).has_value());
  if (!removed) return "it refuses to delete a tag: " + removed.error().message;
  if (!left || *left) return std::string("a tag that was deleted there is still there");
  if (!manifest_left) return std::string("with a tag it deletes the manifest too");
  return std::string();
}

void keep(const Reference& tag, const std::string& reason, ChangeReport& report) {
  report.findings.push_back(
      {.code = std::string(code::kTagNotDeletable),
       .severity = Severity::warn,
       .subject = tag.name(),
       .layer = {},
       .message = tag.name() + " stays: " + tag.domain() +
                  " has not shown that it can delete a tag "
                  "alone",
       .evidence = reason,
       .remedy =
           "leave the tag for the next build to overwrite, or delete it by the registry's own "
           "means"});
}

}  // namespace

Result<> delete_tags(const Ports& ports, const std::vector<Reference>& tags, ChangeReport& report,
                     const std::stop_token& stop) {
  std::map<std::string, std::string> reasons;  // by repository
  for (const Reference& tag : tags) {
    const std::string repository = tag.repository();
    if (!reasons.contains(repository)) reasons[repository] = TRY(why_not(ports, tag, stop));
    if (const std::string& reason = reasons[repository]; !reason.empty()) {
      keep(tag, reason, report);
      continue;
    }
    TRY(ports.writer.remove(tag, stop));
    report.steps.push_back("deleted the tag " + tag.name());
  }
  return {};
}

}  // namespace nodeproof::index
