#include "agent/index/flaw.hpp"

#include <algorithm>

#include "agent/codes.hpp"

namespace nodeproof::index {

namespace {

constexpr std::string_view kPushAgain =
    "push the image again with all its platforms, or rebuild the tag from a backup";

constexpr std::string_view kCopyAgain =
    "copy the image to the layout again, with all its platforms (skopeo copy --all)";

// Why nothing is known.
std::string_view unknown_code(Errc code) {
  switch (code) {
    case Errc::unreachable:
    case Errc::timeout:
      return code::kRegistryUnreachable;
    case Errc::unauthorized:
      return code::kRegistryUnauthorized;
    case Errc::untrusted:
      return code::kRegistryUntrusted;
    case Errc::throttled:
      return code::kRegistryThrottled;
    case Errc::not_a_registry:
      return code::kNotARegistry;
    case Errc::server_error:
    case Errc::truncated:
      return code::kRegistryError;
    case Errc::cancelled:
      return code::kInterrupted;
    default:
      return code::kInspectionIncomplete;
  }
}

Flaw damage(PlatformVerdict verdict, std::string_view code, std::string cause) {
  Flaw flaw;
  flaw.verdict = verdict;
  flaw.code = code;
  flaw.cause = std::move(cause);
  flaw.remedy = kPushAgain;
  return flaw;
}

Flaw unknown(std::string_view code, std::string cause, std::string remedy) {
  Flaw flaw = damage(PlatformVerdict::unknown, code, "could not be checked: " + std::move(cause));
  flaw.remedy = remedy.empty() ? "run it again" : std::move(remedy);
  return flaw;
}

Flaw judged(const Error& error) {
  Flaw flaw;
  switch (error.code) {
    case Errc::not_found:
      flaw = damage(PlatformVerdict::missing, code::kIndexDamaged, "is missing from the registry");
      break;
    case Errc::digest_mismatch:
      flaw = damage(PlatformVerdict::corrupt, code::kContentCorrupt,
                    "is corrupt: the registry's bytes are not what the digest or size says");
      break;
    case Errc::corrupt:
      flaw = damage(PlatformVerdict::corrupt, code::kIndexDamaged,
                    "is corrupt: the registry itself cannot read it");
      break;
    case Errc::invalid_document:
      flaw = damage(PlatformVerdict::corrupt, code::kIndexDamaged, "breaks the specification");
      break;
    default:
      return unknown(unknown_code(error.code), error.message, error.remedy);
  }
  flaw.evidence = error.message;
  return flaw;
}

Flaw judged(BlobState state) {
  Flaw flaw;
  switch (state) {
    case BlobState::missing:
      flaw = damage(PlatformVerdict::missing, code::kIndexDamaged, "is missing from the registry");
      flaw.evidence = "asked for its last byte, the registry answers 404";
      return flaw;
    case BlobState::truncated:
      flaw = damage(PlatformVerdict::truncated, code::kContentCorrupt,
                    "is truncated: the registry has fewer bytes than the manifest says");
      flaw.evidence = "asked for its last byte, the registry says that it ends before";
      return flaw;
    case BlobState::stale_cache:
      flaw = damage(PlatformVerdict::stale_cache, code::kIndexDamaged,
                    "is announced but not delivered: the registry's cache still knows a blob "
                    "whose file is gone or cut off");
      flaw.remedy = "restart the registry, for a push to a stale cache writes nothing; then " +
                    std::string(kPushAgain);
      flaw.evidence = "asked for its last byte, the registry promises it and sends none";
      return flaw;
    case BlobState::announced:
    case BlobState::whole:
      break;
  }
  return unknown(code::kRegistryError, "its last byte is there, and yet it did not come whole",
                 "run it again; if it stays so, look at the registry's own log");
}

// A file cannot be cut off on the way: what ends early is damaged where it lies.
Flaw judged_in_layout(const Error& error) {
  Flaw flaw;
  switch (error.code) {
    case Errc::not_found:
      flaw = damage(PlatformVerdict::missing, code::kIndexDamaged, "is not in the image layout");
      break;
    case Errc::digest_mismatch:
      flaw = damage(PlatformVerdict::corrupt, code::kContentCorrupt,
                    "is corrupt: the image layout's bytes are not what the digest or size says");
      break;
    case Errc::corrupt:
    case Errc::truncated:
      flaw = damage(PlatformVerdict::corrupt, code::kContentCorrupt,
                    "cannot be read: the image layout is damaged");
      break;
    case Errc::invalid_document:
      flaw = damage(PlatformVerdict::corrupt, code::kIndexDamaged, "breaks the specification");
      break;
    default:
      flaw = unknown(unknown_code(error.code), error.message, error.remedy);
      if (error.remedy.empty()) flaw.remedy = "make the image layout readable, and run it again";
      return flaw;
  }
  flaw.evidence = error.message;
  flaw.remedy = kCopyAgain;
  return flaw;
}

Flaw judged_in_layout(BlobState state) {
  if (state != BlobState::truncated) return judged_in_layout(Error{Errc::not_found, "", ""});
  Flaw flaw = damage(PlatformVerdict::truncated, code::kContentCorrupt,
                     "is truncated: the image layout has fewer bytes than the manifest says");
  flaw.remedy = kCopyAgain;
  return flaw;
}

Flaw at(Flaw flaw, std::string what, std::string digest) {
  flaw.what = std::move(what);
  flaw.digest = std::move(digest);
  return flaw;
}

}  // namespace

Flaw flaw_of(const Error& error, std::string what, std::string digest) {
  return at(judged(error), std::move(what), std::move(digest));
}

Flaw flaw_of(BlobState state, std::string what, std::string digest) {
  return at(judged(state), std::move(what), std::move(digest));
}

Flaw layout_flaw_of(const Error& error, std::string what, std::string digest) {
  return at(judged_in_layout(error), std::move(what), std::move(digest));
}

Flaw layout_flaw_of(BlobState state, std::string what, std::string digest) {
  return at(judged_in_layout(state), std::move(what), std::move(digest));
}

PlatformVerdict worse(PlatformVerdict a, PlatformVerdict b) {
  if (a == PlatformVerdict::whole) return b;
  if (b == PlatformVerdict::whole) return a;
  return a < b ? a : b;
}

Finding finding_of(const Flaw& flaw, const Place& place) {
  Finding finding;
  finding.code = flaw.code;
  finding.severity = flaw.verdict == PlatformVerdict::unknown ? Severity::unknown : Severity::fail;
  if (place.companion || flaw.harmless) finding.severity = Severity::warn;
  finding.subject = place.platform;
  if (flaw.what.starts_with("layer")) finding.layer = flaw.digest;
  finding.message = place.image + ": ";
  if (!place.platform.empty()) finding.message += place.platform + ": ";
  finding.message += flaw.what + " ";
  if (!flaw.digest.empty()) finding.message += flaw.digest + " ";
  finding.message += flaw.cause;
  // The registry's errors begin with the image, as this message does.
  const std::size_t again = finding.message.find(": " + place.image + ": ");
  if (again != std::string::npos) finding.message.erase(again, place.image.size() + 2);
  finding.evidence = flaw.evidence;
  finding.remedy = flaw.remedy;
  return finding;
}

}  // namespace nodeproof::index
