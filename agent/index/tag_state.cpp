#include "agent/index/tag_state.hpp"

#include <algorithm>
#include <cstdlib>

#include "agent/codes.hpp"

namespace nodeproof::index {
namespace {

Reference parsed(const std::string& text) {
  auto reference = Reference::parse(text);
  if (!reference) std::abort();  // made of parts that were parsed before
  return *std::move(reference);
}

}  // namespace

std::string full_name(const Reference& reference) {
  return reference.digest() ? reference.name_with_digest(*reference.digest()) : reference.name();
}

ComposeDocument document_of(const Reference& reference, FetchedManifest document,
                            const IndexReport& report) {
  ComposeDocument made{full_name(reference), std::move(document), {}};
  for (const PlatformReport& platform : report.platforms) {
    const auto known = parse_platform(platform.platform);
    if (known) made.platforms.emplace(platform.digest, *known);
  }
  return made;
}

Reference at_digest(const Reference& repository, const Digest& digest) {
  return parsed(repository.name_with_digest(digest));
}

Result<Reference> at_tag(const Reference& repository, const std::string& tag) {
  return Reference::parse(repository.repository() + ":" + tag);
}

Result<TagState> read_tag(Registry& registry, const Reference& reference,
                          const ValidateOptions& options, const std::stop_token& stop) {
  FetchedManifest found = TRY(registry.manifest(reference, stop));
  IndexReport report =
      validate(registry, at_digest(reference, found.descriptor.digest), options, stop);
  if (stop.stop_requested()) return fail(Errc::cancelled, "stopped");
  ComposeDocument document = document_of(reference, std::move(found), report);
  return TagState{reference, std::move(document), std::move(report)};
}

Result<std::optional<TagState>> read_tag_if_any(Registry& registry, const Reference& reference,
                                                const ValidateOptions& options,
                                                const std::stop_token& stop) {
  auto state = read_tag(registry, reference, options, stop);
  if (state) return std::optional(*std::move(state));
  if (state.error().code == Errc::not_found) return std::optional<TagState>();
  return std::unexpected(std::move(state).error());
}

const PlatformReport* find_platform(const IndexReport& report, const std::string& digest) {
  const auto found = std::ranges::find(report.platforms, digest, &PlatformReport::digest);
  return found == report.platforms.end() ? nullptr : &*found;
}

Finding damage(const std::string& document, const PlatformReport& platform, std::string remedy) {
  const bool unknown = platform.verdict == PlatformVerdict::unknown;
  const std::string what = platform.platform.empty() ? "an entry" : platform.platform;
  Finding finding{
      .code = std::string(code::kIndexDamaged),
      .severity = unknown ? Severity::unknown : Severity::fail,
      .subject = platform.platform,
      .layer = {},
      .message = document + ": " + what + " (" + platform.digest + ") is " +
                 (unknown ? "not known to be whole" : std::string(to_string(platform.verdict))),
      .evidence = {},
      .remedy = std::move(remedy)};
  for (const Finding& cause : platform.findings) {
    if (cause.severity < Severity::unknown) continue;
    if (!finding.evidence.empty()) finding.evidence += "; ";
    finding.evidence += cause.message;
    if (unknown) finding.code = cause.code;
  }
  return finding;
}

std::vector<Finding> damages(const std::string& document, const IndexReport& report,
                             const std::string& remedy) {
  std::vector<Finding> found;
  for (const PlatformReport& platform : report.platforms) {
    if (platform.verdict != PlatformVerdict::whole && !platform.attestation) {
      found.push_back(damage(document, platform, remedy));
    }
  }
  for (const Finding& finding : report.findings) {
    if (finding.severity >= Severity::unknown) found.push_back(finding);
  }
  if (found.empty() && report.verdict != IndexVerdict::whole) {
    const bool unknown = report.verdict == IndexVerdict::unknown;
    found.push_back({.code = std::string(code::kIndexDamaged),
                     .severity = unknown ? Severity::unknown : Severity::fail,
                     .subject = document,
                     .layer = {},
                     .message = document + " is " + std::string(to_string(report.verdict)),
                     .evidence = {},
                     .remedy = remedy});
  }
  return found;
}

}  // namespace nodeproof::index
