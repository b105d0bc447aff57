// stale_after: how long a proof stands while its registry is silent. By default for ever.

#include <algorithm>

#include "agent/codes.hpp"
#include "agent/image_cycle.hpp"
#include "common/clock.hpp"

namespace nodeproof {
namespace {

// The share of stale_after in which the time of the registry's word is written down once: a cycle
// without change writes nothing to disk.
constexpr int kWrites = 8;

}  // namespace

// The first proof began with the registry's word.
std::optional<ImageCycle::LastWord> ImageCycle::last_word(
    const Reference& tag, const resolve::ProvenImage& proven) const {
  if (const auto heard = polls_.heard(tag)) return LastWord{*heard, true};
  const auto written = parse_rfc3339(proven.confirmed.empty() ? proven.time : proven.confirmed);
  return written ? std::optional(LastWord{*written, false}) : std::nullopt;
}

// Before it is called stale the registry is asked, whatever the tag's turn is.
bool ImageCycle::is_nearly_stale(const Reference& tag) const {
  const std::chrono::seconds limit = config_.settings.stale_after;
  if (limit.count() == 0) return false;
  const auto proven = ledger_.find(tag.name());
  if (!proven) return false;
  const auto word = last_word(tag, *proven);
  return !word || ports_.clock.now() - word->time > limit - config_.settings.resolve_every;
}

// Where that fails the time is known until the next boot.
void ImageCycle::write_down_last_word(const Reference& tag,
                                      const resolve::ProvenImage& proven) const {
  const auto heard = polls_.heard(tag);
  if (!heard) return;
  const auto written = parse_rfc3339(proven.confirmed.empty() ? proven.time : proven.confirmed);
  const auto since = std::chrono::seconds(config_.settings.stale_after / kWrites);
  if (written && *written <= *heard && *heard - *written < since) return;
  resolve::ProvenImage record = proven;
  record.confirmed = to_rfc3339(*heard);
  static_cast<void>(ledger_.record(record));
}

void ImageCycle::note_stale(const Reference& tag, ImageReport& report) const {
  const std::chrono::seconds limit = config_.settings.stale_after;
  const bool asked = config_.registry_asked && !config_.ad_hoc;
  if (limit.count() == 0 || !asked || tag.digest()) return;  // a digest says the same for ever
  const auto proven = ledger_.find(tag.name());
  if (!proven || proven->proof_key.empty()) return;
  write_down_last_word(tag, *proven);
  const auto word = last_word(tag, *proven);
  const auto most = word && !word->exact ? limit + limit / kWrites : limit;
  if (word && ports_.clock.now() - word->time <= most) return;
  report.findings.push_back(
      {.code = std::string(code::kProofStale),
       .severity = Severity::unknown,
       .subject = tag.name(),
       .layer = {},
       .message = "its registry was last heard about this tag " +
                  (word ? "at " + to_rfc3339(word->time) : std::string("at no known time")) +
                  ", longer ago than stale_after allows",
       .evidence = {},
       .remedy = "make " + tag.domain() +
                 " reachable again; or raise stale_after, or require the image by its digest"});
}

}  // namespace nodeproof
