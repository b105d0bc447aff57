#include "agent/report/findings.hpp"

#include <utility>

#include "agent/codes.hpp"
#include "agent/report/codes.hpp"

namespace nodeproof::report {
namespace {

struct Judged {
  std::string_view code;
  Severity severity;
};

// The stage's own word for "it did not work, and nothing is known".
std::string_view stage_code(Stage stage) {
  switch (stage) {
    case Stage::config:
      return code::kConfigInvalid;
    case Stage::host:
      return code::kNotChecked;
    case Stage::resolve:
      return code::kRegistryError;
    case Stage::pull:
      return code::kPullFailed;
    case Stage::inspect:
      return code::kInspectionIncomplete;
    case Stage::smoke:
      return code::kSmokeNotRun;
  }
  return code::kPullFailed;
}

bool asks_the_registry(Stage stage) { return stage == Stage::resolve || stage == Stage::pull; }

Judged unknown_of(Stage stage) { return {stage_code(stage), Severity::unknown}; }

// Errors of the way to the registry.
Judged judge_registry(Errc code, Stage stage) {
  switch (code) {
    case Errc::unreachable:
      return {code::kRegistryUnreachable, Severity::unknown};
    case Errc::unauthorized:
      return {code::kRegistryUnauthorized, Severity::unknown};
    case Errc::untrusted:
      return {code::kRegistryUntrusted, Severity::unknown};
    case Errc::throttled:
      return {code::kRegistryThrottled, Severity::unknown};
    case Errc::not_a_registry:
      return {code::kNotARegistry, Severity::unknown};
    case Errc::server_error:
    case Errc::truncated:
      return {code::kRegistryError, Severity::unknown};
    case Errc::timeout:
      if (stage == Stage::resolve) return {code::kRegistryUnreachable, Severity::unknown};
      if (stage == Stage::host) return {code::kContainerdUnavailable, Severity::unknown};
      return unknown_of(stage);
    default:
      return unknown_of(stage);
  }
}

// Errors that are facts about the image itself.
Judged judge_image(Errc code, Stage stage) {
  switch (code) {
    case Errc::invalid_reference:
      return {code::kInvalidReference, Severity::fail};
    case Errc::no_matching_platform:
      return {code::kPlatformMissing, Severity::fail};
    case Errc::digest_mismatch:
      return {code::kContentCorrupt, Severity::fail};
    case Errc::corrupt:
      if (stage == Stage::resolve) return {code::kIndexDamaged, Severity::fail};
      return {code::kLayerCorrupt, Severity::fail};
    case Errc::not_found:
      // The tag is not there; or the tag is there and what it names is not.
      if (stage == Stage::resolve) return {code::kImageNotFound, Severity::fail};
      if (stage == Stage::pull) return {code::kIndexDamaged, Severity::fail};
      return unknown_of(stage);
    case Errc::too_large:
      if (stage == Stage::pull) return unknown_of(stage);  // a limit of ours, of a layer
      [[fallthrough]];
    case Errc::invalid_document:
      // Whole, hashed and yet against the specification.
      if (asks_the_registry(stage)) return {code::kIndexDamaged, Severity::fail};
      return unknown_of(stage);
    default:
      return judge_registry(code, stage);
  }
}

// Errors of this node come first: they say nothing about any image.
Judged judge(Errc code, Stage stage) {
  switch (code) {
    case Errc::cancelled:
      return {code::kInterrupted, Severity::unknown};
    case Errc::runtime_unavailable:
      return {code::kContainerdUnavailable, Severity::unknown};
    case Errc::permission_denied:
      return {code::kPermissionDenied, Severity::unknown};
    case Errc::no_space:
      return {code::kNoSpace, Severity::unknown};
    case Errc::deferred:
      return {code::kPullDeferred, Severity::unknown};
    case Errc::invalid_config:
      return {code::kConfigInvalid, Severity::unknown};
    default:
      return judge_image(code, stage);
  }
}

}  // namespace

Finding finding_from_error(const Error& error, Stage stage, std::string subject) {
  const Judged judged = judge(error.code, stage);
  Finding finding;
  finding.code = judged.code;
  finding.severity = judged.severity;
  finding.subject = std::move(subject);
  finding.message = error.message;
  finding.remedy = error.remedy;
  if (finding.remedy.empty()) {
    if (const CodeText* text = find_code(judged.code)) finding.remedy = text->remedy;
  }
  return finding;
}

}  // namespace nodeproof::report
