#include "agent/index/restore.hpp"

#include <algorithm>

#include "agent/codes.hpp"
#include "agent/index/publish.hpp"
#include "common/crypto.hpp"

namespace nodeproof::index {
namespace {

class Restorer {
 public:
  Restorer(const Ports& ports, const RestoreRequest& request, Reference origin)
      : ports_(ports), request_(request), origin_(std::move(origin)) {
    report_.action = "restore";
    report_.reference = request.target.name();
  }

  Result<ChangeReport> run(const std::stop_token& stop) {
    TRY(read_target(stop));
    const Composition composition = TRY(compose_it());
    report_.after = composition.document.descriptor.digest.str();
    report_.media_type = composition.document.descriptor.media_type;
    report_.changes = composition.changes;
    report_.findings.insert(report_.findings.end(), composition.findings.begin(),
                            composition.findings.end());
    for (const ComposedEntry& entry : composition.entries) TRY(probe(entry, stop));
    if (blocks(report_)) return std::move(report_);
    if (report_.before == report_.after) {
      report_.outcome = Outcome::unchanged;
    } else if (request_.dry_run) {
      report_.outcome = Outcome::would_do;
    } else {
      TRY(publish(ports_,
                  {.target = request_.target,
                   .composition = composition,
                   .origins = {request_.target, origin_},
                   .replaces = replaces_,
                   .unreadable = unreadable_,
                   .keep_previous = request_.keep_previous,
                   .validation = request_.validation},
                  report_, stop));
      explain_broken_copy();
    }
    return std::move(report_);
  }

 private:
  // A damaged tag is what this is for: as much of it as can be read is compared with the backup.
  Result<> read_target(const std::stop_token& stop) {
    auto now = ports_.registry.manifest(request_.target, stop);
    if (now) return take_target(*std::move(now), stop);
    unreadable_ = is_rotten(now.error().code);
    if (unreadable_ || now.error().code == Errc::not_found) return {};
    return std::unexpected(std::move(now).error().with_context("reading the tag to restore"));
  }

  Result<> take_target(FetchedManifest now, const std::stop_token& stop) {
    replaces_ = now.descriptor.digest;
    report_.before = replaces_->str();
    // What has rotted into no index at all has no platforms that could be lost.
    if (!parse_image_document(now.bytes, now.descriptor.media_type)) return {};
    ComposeDocument document{request_.target.name(), std::move(now), {}};
    if (media_type::is_manifest(document.document.descriptor.media_type)) {
      return platform_of_single(document, stop);
    }
    target_ = std::move(document);
    return {};
  }

  Result<> platform_of_single(ComposeDocument& document, const std::stop_token& stop) {
    TagState state =
        TRY(read_tag(ports_.registry, at_digest(request_.target, *replaces_), {}, stop));
    if (!state.document.platforms.contains(replaces_->str())) return {};
    document.platforms = std::move(state.document.platforms);
    target_ = std::move(document);
    return {};
  }

  Result<Composition> compose_it() {
    ComposeDocument kept{
        "the backup of " + request_.backup.reference, request_.backup.document, {}};
    if (request_.new_digest) {
      FetchedManifest& document = kept.document;
      document.bytes += '\n';
      document.descriptor.size = document.bytes.size();
      document.descriptor.digest =
          hash_of(as_bytes(document.bytes), document.descriptor.digest.algorithm());
    }
    for (const auto& [digest, platform] : request_.backup.platforms) {
      const auto parsed = parse_platform(platform);
      if (parsed) kept.platforms.emplace(digest, *parsed);
    }
    return compose(target_, {kept},
                   {.drop = request_.drop,
                    .keep_duplicates = true,
                    .only_sources = true,
                    .keep_single = true});
  }

  // A registry whose copy of a document is broken says of a push that it has it already.
  void explain_broken_copy() {
    if (report_.moved) return;
    for (Finding& finding : report_.findings) {
      const bool broken =
          finding.code == code::kIndexDamaged || finding.code == code::kContentCorrupt;
      if (!broken || !finding.subject.empty()) continue;
      finding.remedy =
          "the registry keeps a broken copy of this very index and takes no new one: restore it "
          "under another digest (--new-digest), or mend the registry's storage";
    }
  }

  Result<> probe(const ComposedEntry& entry, const std::stop_token& stop) {
    const Reference pulled = at_digest(origin_, entry.descriptor.digest);
    const IndexReport found = validate(ports_.registry, pulled, request_.validation, stop);
    if (stop.stop_requested()) return fail(Errc::cancelled, "stopped");
    const std::string what = entry.platform.empty() ? "the entry" : entry.platform;
    const std::string remedy =
        entry.platform.empty()
            ? "push the image again"
            : "push " + what + " again and merge it in, or restore without it: --drop " + what;
    for (Finding& finding : damages(pulled.name(), found, remedy)) {
      finding.message = what + " cannot be restored: " + finding.message;
      finding.subject = entry.platform;
      finding.remedy = remedy;
      if (finding.severity == Severity::fail) finding.code = code::kIndexDamaged;
      report_.findings.push_back(std::move(finding));
    }
    return {};
  }

  const Ports& ports_;
  const RestoreRequest& request_;
  const Reference origin_;  // the repository that was backed up
  ChangeReport report_;
  std::optional<Digest> replaces_;
  bool unreadable_ = false;
  std::optional<ComposeDocument> target_;
};

}  // namespace

Result<ChangeReport> restore(const Ports& ports, const RestoreRequest& request,
                             const std::stop_token& stop) {
  if (request.target.digest()) {
    return fail(Errc::usage, "--tag " + request.target.name() + ": a digest cannot be moved",
                "name a tag: registry/repository:tag");
  }
  Reference origin = TRY(Reference::parse(request.backup.reference));
  return Restorer(ports, request, std::move(origin)).run(stop);
}

}  // namespace nodeproof::index
