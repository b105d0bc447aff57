// stale_after: how long a proof stands while its registry is silent. By default for ever.

#include "agent/codes.hpp"
#include "agent/image_cycle.hpp"
#include "common/clock.hpp"

namespace nodeproof {
namespace {

// The proof itself began with the registry's word.
std::optional<std::chrono::system_clock::time_point> last_word(const resolve::ProvenImage& proven) {
  const auto time = parse_rfc3339(proven.confirmed.empty() ? proven.time : proven.confirmed);
  return time ? std::optional(*time) : std::nullopt;
}

}  // namespace

// Written eight times in that time at most: a cycle without change writes nothing to disk.
bool ImageCycle::is_to_be_confirmed(const resolve::ProvenImage& proven) const {
  const std::chrono::seconds limit = config_.settings.stale_after;
  if (limit.count() == 0) return false;
  const auto heard = last_word(proven);
  const auto now = ports_.clock.now();
  return !heard || *heard > now || now - *heard >= limit / 8;
}

void ImageCycle::note_stale(const Reference& reference, ImageReport& report) const {
  const std::chrono::seconds limit = config_.settings.stale_after;
  const bool asked = config_.registry_asked && !config_.ad_hoc;
  if (limit.count() == 0 || !asked || reference.digest())
    return;  // a digest says the same for ever
  const auto proven = ledger_.find(reference.name());
  if (!proven || proven->proof_key.empty()) return;
  const auto heard = last_word(*proven);
  if (heard && ports_.clock.now() - *heard <= limit) return;
  report.findings.push_back(
      {.code = std::string(code::kProofStale),
       .severity = Severity::unknown,
       .subject = reference.name(),
       .layer = {},
       .message = "its registry was last heard about this tag at " +
                  (heard ? to_rfc3339(*heard) : std::string("no known time")) +
                  ", longer ago than stale_after allows",
       .evidence = {},
       .remedy = "make " + reference.domain() +
                 " reachable again; or raise stale_after, or require the image by its digest"});
}

}  // namespace nodeproof
