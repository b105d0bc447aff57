#include "agent/index/merge.hpp"

#include <algorithm>

#include "agent/codes.hpp"
#include "agent/index/delete_tag.hpp"
#include "agent/index/publish.hpp"
#include "agent/index/revisions.hpp"

namespace nodeproof::index {
namespace {

class Merger {
 public:
  Merger(const Ports& ports, const MergeRequest& request) : ports_(ports), request_(request) {
    report_.action = "merge";
    report_.reference = request.target.name();
  }

  Result<ChangeReport> run(const std::stop_token& stop) {
    TRY(read(stop));
    if (blocks(report_)) return std::move(report_);
    const Composition composition = TRY(compose_all());
    judge(composition, stop);
    TRY(compare(composition, stop));
    if (blocks(report_)) return std::move(report_);
    if (target_ && target_->digest() == composition.document.descriptor.digest) {
      report_.outcome = Outcome::unchanged;
    } else if (request_.dry_run) {
      report_.outcome = Outcome::would_do;
    } else {
      TRY(publish(ports_, publication(composition), report_, stop));
    }
    if (report_.outcome == Outcome::done || report_.outcome == Outcome::unchanged) {
      TRY(delete_sources(stop));
    }
    return std::move(report_);
  }

 private:
  Result<> read(const std::stop_token& stop);
  void read_single(const TagState& state, const std::string& remedy);
  Result<Composition> compose_all();
  void leave_out_damaged_attestations(const TagState& state, ComposeOptions& options);
  void judge(const Composition& composition, const std::stop_token& stop);
  void judge_nested(const TagState& state, const ComposedEntry& entry, const std::stop_token& stop);
  Result<> compare(const Composition& composition, const std::stop_token& stop);
  Result<> delete_sources(const std::stop_token& stop);
  [[nodiscard]] std::vector<Reference> origins() const {
    std::vector<Reference> all = {request_.target};
    for (const TagState& source : sources_) all.push_back(source.reference);
    return all;
  }
  [[nodiscard]] Publication publication(const Composition& composition) const {
    return {.target = request_.target,
            .composition = composition,
            .origins = origins(),
            .replaces = target_ ? std::optional(target_->digest()) : std::nullopt,
            .keep_previous = request_.keep_previous,
            .validation = request_.validation};
  }
  // By ComposedEntry::document.
  [[nodiscard]] const TagState& state_of(std::size_t document) const {
    return document == 0 ? *target_ : sources_[document - 1];
  }

  const Ports& ports_;
  const MergeRequest& request_;
  ChangeReport report_;
  std::optional<TagState> target_;
  std::vector<TagState> sources_;
};

// What is there cannot be read; any other error says nothing about it.
bool is_broken(Errc code) {
  return code == Errc::corrupt || code == Errc::digest_mismatch || code == Errc::invalid_document ||
         code == Errc::unsupported || code == Errc::too_large;
}

// Nobody may be sent to overwrite a tag that just cannot be asked for.
Error not_read(Error error) {
  if (is_broken(error.code)) {
    error.remedy =
        "what the tag holds cannot be kept while it cannot be read: restore it first (nodeproof "
        "index restore), or merge into another tag";
  }
  if (error.remedy.empty()) error.remedy = "run it again; the tag is what it was";
  return std::move(error).with_context("reading the tag to merge into");
}

// A tag that does not exist is none that was damaged; of a digest somebody has known that it was
// there.
Error source_not_read(const Reference& source, Error error) {
  if (error.code == Errc::not_found && !source.digest()) error.code = Errc::usage;
  return std::move(error).with_context("reading a source");
}

std::string push_again(const TagState& source) {
  return "push " + source.reference.name() + " again";
}

Result<> Merger::read(const std::stop_token& stop) {
  auto target = read_tag_if_any(ports_.registry, request_.target, request_.validation, stop);
  if (!target) return std::unexpected(not_read(std::move(target).error()));
  target_ = *std::move(target);
  if (target_) {
    report_.before = target_->digest().str();
    read_single(*target_, "restore it (nodeproof index restore), or merge into another tag");
  }
  for (const Reference& source : request_.sources) {
    auto state = read_tag(ports_.registry, source, request_.validation, stop);
    if (!state) return std::unexpected(source_not_read(source, std::move(state).error()));
    sources_.push_back(*std::move(state));
    read_single(sources_.back(), push_again(sources_.back()));
  }
  return {};
}

// A single manifest whose config cannot be read has no platform to be composed by.
void Merger::read_single(const TagState& state, const std::string& remedy) {
  if (!media_type::is_manifest(state.document.document.descriptor.media_type)) return;
  if (state.document.platforms.contains(state.digest().str())) return;  // judged with the others
  for (Finding& finding : damages(state.document.name, state.report, remedy)) {
    report_.findings.push_back(std::move(finding));
  }
}

// A lost provenance or SBOM must not keep a tag from being mended.
void Merger::leave_out_damaged_attestations(const TagState& state, ComposeOptions& options) {
  for (const PlatformReport& platform : state.report.platforms) {
    const bool known_bad =
        platform.verdict != PlatformVerdict::whole && platform.verdict != PlatformVerdict::unknown;
    if (!platform.attestation || !known_bad) continue;
    options.without.push_back(platform.digest);
    Finding finding =
        damage(state.document.name, platform, "build the image again to have it back");
    finding.severity = Severity::warn;
    finding.message += ": an attestation, left out";
    report_.findings.push_back(std::move(finding));
  }
}

Result<Composition> Merger::compose_all() {
  ComposeOptions options = request_.compose;
  std::optional<ComposeDocument> tag;
  if (target_) {
    tag = target_->document;
    leave_out_damaged_attestations(*target_, options);
  }
  std::vector<ComposeDocument> sources;
  for (const TagState& source : sources_) {
    sources.push_back(source.document);
    leave_out_damaged_attestations(source, options);
  }
  Composition composition = TRY(compose(tag, sources, options));
  report_.after = composition.document.descriptor.digest.str();
  report_.media_type = composition.document.descriptor.media_type;
  report_.changes = composition.changes;
  std::ranges::copy(composition.findings, std::back_inserter(report_.findings));
  return composition;
}

// The report names the images in it, not the index that holds them.
void Merger::judge_nested(const TagState& state, const ComposedEntry& entry,
                          const std::stop_token& stop) {
  const Reference nested = at_digest(state.reference, entry.descriptor.digest);
  const IndexReport found = validate(ports_.registry, nested, request_.validation, stop);
  for (Finding& finding : damages(nested.name(), found, push_again(state))) {
    report_.findings.push_back(std::move(finding));
  }
}

// Only what the tag will hold has to be whole: a hole that is being mended is the reason to merge.
void Merger::judge(const Composition& composition, const std::stop_token& stop) {
  for (const ComposedEntry& entry : composition.entries) {
    const TagState& state = state_of(entry.document);
    if (media_type::is_index(entry.descriptor.media_type)) judge_nested(state, entry, stop);
    const PlatformReport* found = find_platform(state.report, entry.descriptor.digest.str());
    if (found == nullptr || found->verdict == PlatformVerdict::whole) continue;
    const std::string remedy =
        entry.document > 0 ? push_again(state)
                           : "give a source for " + entry.platform +
                                 ", restore it (nodeproof index restore), or agree to its loss "
                                 "with --drop " +
                                 entry.platform;
    report_.findings.push_back(damage(state.document.name, *found, remedy));
  }
}

Result<> Merger::compare(const Composition& composition, const std::stop_token& stop) {
  if (!request_.require_same_revision || blocks(report_)) return {};
  const std::vector<Reference> from = origins();
  for (Finding& finding : TRY(compare_revisions(ports_.registry, {composition, from}, stop))) {
    report_.findings.push_back(std::move(finding));
  }
  return {};
}

Result<> Merger::delete_sources(const std::stop_token& stop) {
  if (!request_.delete_sources || request_.dry_run) return {};
  std::vector<Reference> tags;
  for (const TagState& source : sources_) {
    const Reference& reference = source.reference;
    if (reference.digest() || reference.name() == request_.target.name()) continue;
    // What was pushed there since was not merged.
    if (TRY(ports_.writer.tag_digest(reference, stop)) != source.digest()) continue;
    tags.push_back(reference);
  }
  return delete_tags(ports_, tags, report_, stop);
}

}  // namespace

Result<ChangeReport> merge(const Ports& ports, const MergeRequest& request,
                           const std::stop_token& stop) {
  if (request.target.digest()) {
    return fail(Errc::usage, "--tag " + request.target.name() + ": a digest cannot be moved",
                "name a tag: registry/repository:tag");
  }
  if (request.sources.empty()) {
    return fail(Errc::usage, "nothing to merge", "name at least one source");
  }
  return Merger(ports, request).run(stop);
}

}  // namespace nodeproof::index
