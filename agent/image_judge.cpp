// The registry's word is about freshness; what is proven on this disk stays proven without it.
#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "agent/codes.hpp"
#include "agent/image_cycle.hpp"
#include "agent/image_golden.hpp"
#include "agent/image_report.hpp"
#include "agent/model_json.hpp"
#include "agent/report/findings.hpp"
#include "agent/report/verdict.hpp"
#include "agent/resolve/last_good.hpp"
#include "agent/resolve/local_first.hpp"
#include "agent/resolve/resolve.hpp"
#include "agent/resolve/zstd_twin.hpp"

namespace nodeproof {
namespace {

// What was proven is no longer on this disk, or no longer what it was; as opposed to: containerd
// could not be asked.
bool is_gone(const Error& error) {
  return error.code == Errc::not_found || error.code == Errc::corrupt ||
         error.code == Errc::truncated || error.code == Errc::digest_mismatch ||
         error.code == Errc::invalid_document;
}

Finding moved_finding(const ResolvedImage& latest, const ResolvedImage& proven) {
  return {.code = std::string(code::kTagMoved),
          .severity = Severity::warn,
          .subject = latest.reference.name(),
          .layer = {},
          .message = "the tag now names " + top_of(latest).digest.short_str() +
                     ", proven here is " + top_of(proven).digest.short_str(),
          .evidence = top_of(latest).digest.str(),
          .remedy = "set on_tag_moved to \"follow\", or require the new image by its digest"};
}

Finding paused_finding(const Reference& tag, const std::optional<RateLimit>& limit,
                       Polls::Time until) {
  return {.code = std::string(code::kPollingPaused),
          .severity = Severity::info,
          .subject = tag.domain(),
          .layer = {},
          .message = tag.domain() + " has " + (limit ? text_of(*limit) : "few requests left") +
                     ": it is not asked what the tag names until " + to_rfc3339(until),
          .evidence = {},
          .remedy = "log in: registries allow more requests to accounts"};
}

// The tag's digest is a local source's word.
void note_unconfirmed(const ResolvedImage& latest, ImageReport& report) {
  if (!latest.unconfirmed) return;
  Finding silent = report::finding_from_error(*latest.unconfirmed, report::Stage::resolve);
  silent.severity = Severity::warn;
  report.freshness = Freshness::unreachable;
  report.findings.push_back(std::move(silent));
}

bool has_code(const std::vector<Finding>& findings, std::string_view code) {
  return std::ranges::find(findings, code, &Finding::code) != findings.end();
}

Finding lost_finding(const Error& why) {
  return report::finding_from_error(why, report::Stage::inspect);
}

}  // namespace

ImageReport ImageCycle::judge(const Job& job) {
  ports_.progress({job.image.reference, Phase::resolve, 0, 0});
  ImageReport report = judge_holding(job);
  report.rate_limit = polls_.limit_of(job.reference);
  note_deferral(job, report);
  return report;
}

std::string ImageCycle::deferral_of(const Job& job) const {
  const auto until = turn_.deferred_until(job.reference);
  return until ? turn_.error_of(job.reference, *until).message : "it is fetched in the next cycle";
}

// Told until it is fetched. Where nothing is proven the pull's own failure says it, too.
void ImageCycle::note_deferral(const Job& job, ImageReport& report) const {
  if (!polls_.wanted_since(job.reference)) return;
  report.deferred_until = turn_.deferred_until(job.reference);
  if (!report.deferred_until || has_code(report.findings, code::kPullDeferred)) return;
  Finding finding = report::finding_from_error(
      turn_.error_of(job.reference, *report.deferred_until), report::Stage::pull);
  finding.severity = Severity::info;
  report.findings.push_back(std::move(finding));
}

Result<ResolvedImage> ImageCycle::latest(const Job& job) {
  resolve::LocalFirstRegistry documents(ports_.registry, ports_.store);
  auto found = resolve::resolve(documents, job.reference, host_, job.stop);
  polls_.note(job.reference, ports_.registry.rate_limit(job.reference));
  if (!found) return found;
  ResolvedImage twin = resolve::zstd_twin(documents, *found, job.stop);
  return !twin.twin_of || is_readable(twin) ? std::move(twin) : std::move(found);
}

// A zstd window may be larger than what we read with.
bool ImageCycle::is_readable(const ResolvedImage& image) const {
  return std::ranges::none_of(image.document.layers, [this](const Descriptor& layer) {
    const auto inventory = inventories_.load(layer.digest);
    return inventory && inventory->problem && inventory->problem->code == Errc::unsupported;
  });
}

// The proof is an old one: the choice among the entries of the same index is made again, for
// another containerd may take another one.
ImageReport ImageCycle::judge_anew(const Job& job, ResolvedImage kept) {
  resolve::LocalFirstRegistry documents(ports_.registry, ports_.store,
                                        FetchedManifest{*kept.index, kept.index_bytes});
  const auto again = resolve::resolve(documents, job.reference, host_, job.stop);
  if (again) {  // of an image in two forms the one that is here
    ResolvedImage twin = resolve::zstd_twin(documents, *again, job.stop);
    return judge_kept(job, twin.manifest.digest == kept.manifest.digest ? twin : *again);
  }
  Finding failure = report::finding_from_error(again.error(), report::Stage::resolve);
  if (failure.severity == Severity::fail) {  // part of the new proof
    failure.severity = Severity::warn;
    kept.findings.push_back(std::move(failure));
    return judge_kept(job, kept);
  }
  if (again.error().code == Errc::cancelled) return judge_failed(job, again.error(), kept);
  // The entry that is taken now is the registry's to give: the next cycle chooses again.
  ImageReport report = prove(job, kept, Proof::for_information);
  report.freshness = Freshness::unreachable;
  failure.severity = Severity::warn;
  report.findings.push_back(std::move(failure));
  return report;
}

// An image record that names the manifest leaves the index to containerd's garbage collection.
Result<ResolvedImage> ImageCycle::kept_here(const Job& job) {
  if (!job.proven()) return fail(Errc::not_found, "never proven here");
  auto kept = resolve::resolve_offline(*job.proven(), job.reference, ports_.store, job.stop);
  if (kept || kept.error().code != Errc::not_found) return kept;
  const auto record = ports_.store.image(job.reference.name());
  const bool by_manifest =
      record && *record && (*record)->target.digest == job.proven()->manifest.digest;
  const auto index = ledger_.index_bytes(*job.proven());
  if (!by_manifest || !index) return kept;
  return resolve::rebuild(*job.proven(), job.reference,
                          [&](const Descriptor& wanted) -> Result<std::string> {
                            if (wanted.digest == job.proven()->index->digest) return *index;
                            return resolve::stored_document(ports_.store, wanted, job.stop);
                          });
}

// A digest says the same for ever.
bool ImageCycle::is_to_be_asked(const Reference& reference, const RequiredImage& image) {
  if (reference.digest()) return false;
  if (config_.polling == Polling::always) return true;
  const bool turn_has_come = polls_.wanted_since(reference) && !turn_.deferred_until(reference);
  return (polls_.is_due(reference, image.on_tag_moved) || turn_has_come ||
          is_nearly_stale(reference)) &&
         !polls_.paused_until(reference);
}

// A registry that was silent to one question, tried several times, is not asked the others.
Result<std::optional<Digest>> ImageCycle::ask(const Reference& tag, const std::stop_token& stop) {
  {
    const std::scoped_lock lock(silence_mutex_);
    const auto silent = silent_.find(tag.domain());
    if (silent != silent_.end()) return std::unexpected(silent->second);
  }
  auto said = ports_.registry.ask_digest(tag, stop);
  polls_.note(tag, ports_.registry.rate_limit(tag));
  if (said) polls_.hear(tag);
  const bool silent =
      !said && (said.error().code == Errc::unreachable || said.error().code == Errc::timeout);
  if (silent) {
    const std::scoped_lock lock(silence_mutex_);
    silent_.emplace(tag.domain(), said.error());
  }
  return said;
}

ImageCycle::Look ImageCycle::glance(const RequiredImage& image, const std::stop_token& stop) {
  Look look;
  const auto reference = Reference::parse(image.reference);
  if (config_.ad_hoc || !reference) return look;
  look.proven = ledger_.find(reference->name());
  if (config_.again || !look.proven || !look.proven->shape || !look.proven->found ||
      look.proven->proof_key != key_of(image) || !is_seen(*look.proven) ||
      is_golden_awaited(look.proven->smoke)) {
    return look;
  }
  look.holds = is_here(*look.proven, look.proven->shape->rootfs, ports_.store).value_or(false);
  if (look.holds && is_to_be_asked(*reference, image)) look.said = ask(*reference, stop);
  return look;
}

std::vector<ImageCycle::Look> ImageCycle::look(const std::vector<const RequiredImage*>& images,
                                               const std::stop_token& stop) {
  constexpr std::size_t kAtOnce = 6;
  std::vector<Look> looks(images.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < images.size(); i = next++) {
      looks[i] = glance(*images[i], stop);
    }
  };
  std::vector<std::jthread> workers;
  for (std::size_t i = 1; i < std::min(kAtOnce, images.size()); ++i) workers.emplace_back(work);
  work();
  workers.clear();
  return looks;
}

ImageReport ImageCycle::judge_holding(const Job& job) {
  if (job.look.holds) {
    const auto& said = job.look.said;
    const bool same = said && *said && **said == top_of(*job.proven()).digest;
    if (same) return settled(job, told_again(job), {});
    if (!said) return unasked(job, told_again(job));
  }
  Result<ResolvedImage> kept = kept_here(job);
  if (!kept) return judge_absent(job, kept.error());
  if (kept->index && job.proven()->proof_key != key_of(job.image)) {
    return judge_anew(job, *std::move(kept));
  }
  return judge_kept(job, *kept);
}

// What the proof said.
ImageReport ImageCycle::told_again(const Job& job) const {
  const resolve::ProvenImage& proven = *job.proven();
  ImageReport report = blank_report(job.image);
  report.platform = proven.shape->platform;
  report.index_digest = proven.index ? proven.index->digest.str() : "";
  report.manifest_digest = proven.manifest.digest.str();
  report.rootfs = proven.shape->rootfs.str();
  report.choice = proven.choice;
  report.pull.bytes = proven.shape->bytes;
  report.pull.layers = report.pull.reused_layers = proven.shape->layers;
  report.findings = *proven.found;
  append(report.findings, proven.smoke.findings);
  report.smoke = proven.smoke.results;
  weigh(report);
  return report;
}

ImageReport ImageCycle::judge_kept(const Job& job, const ResolvedImage& kept) {
  std::optional<Result<std::optional<Digest>>> said = job.look.said;
  if (!said && is_to_be_asked(job.reference, job.image)) said = ask(job.reference, job.stop);
  if (!said) return unasked(job, prove(job, kept));
  if (!*said) return judge_failed(job, said->error(), kept);
  if (**said == top_of(kept).digest) return settled(job, prove(job, kept), {});
  const auto named = latest(job);
  if (!named) return judge_failed(job, named.error(), kept);
  // A source may be older than what is proven: without the registry's word nothing has moved.
  if (named->unconfirmed) return judge_failed(job, *named->unconfirmed, kept);
  if (top_of(*named).digest == top_of(kept).digest) return settled(job, prove(job, kept), {});
  return judge_moved(job, *named, kept);
}

// What the registry said last still counts.
ImageReport ImageCycle::unasked(const Job& job, ImageReport report) {
  if (job.reference.digest()) return report;
  report.freshness = std::max(report.freshness, job.proven()->word.freshness);
  append(report.findings, job.proven()->word.findings);
  if (const auto until = polls_.paused_until(job.reference)) {
    report.findings.push_back(
        paused_finding(job.reference, polls_.limit_of(job.reference), *until));
  }
  return report;
}

// It was asked and has answered: the next question is due in the next period.
ImageReport ImageCycle::settled(const Job& job, ImageReport report,
                                const resolve::RegistryWord& word) {
  report.freshness = std::max(report.freshness, word.freshness);
  append(report.findings, word.findings);
  if (!config_.registry_asked) return report;
  polls_.answered(job.reference, job.image.on_tag_moved);
  if (word == resolve::RegistryWord{}) polls_.unwant(job.reference);
  if (word == resolve::RegistryWord{} && job.proven()->word == word) return report;
  auto record = ledger_.find(job.reference.name());
  if (!record || record->word == word) return report;
  record->word = word;
  if (auto kept = ledger_.record(*record); !kept) {
    Finding trouble = report::finding_from_error(kept.error(), report::Stage::host, "ledger");
    trouble.severity = Severity::warn;
    report.findings.push_back(std::move(trouble));
  }
  return report;
}

// nodeproof is no auto-updater: on_tag_moved says what happens, and the proven image stays until
// its successor is proven.
ImageReport ImageCycle::judge_moved(const Job& job, const ResolvedImage& latest,
                                    const ResolvedImage& proven) {
  Finding moved = moved_finding(latest, proven);
  ImageReport report = prove(job, proven);
  bool judged = true;
  if (job.image.on_tag_moved == OnTagMoved::report) {
    polls_.unwant(job.reference);
  } else {
    const bool follow = job.image.on_tag_moved == OnTagMoved::follow;
    Job successor = job;
    successor.proven_stands = report.verdict == Verdict::ready;
    ImageReport next =
        prove(successor, latest, follow ? Proof::of_a_successor : Proof::for_information);
    if (follow && next.verdict == Verdict::ready) return settled(job, std::move(next), {});
    const bool deferred = has_code(next.findings, code::kPullDeferred);
    judged = next.verdict != Verdict::unknown || deferred;
    moved.remedy = "look at what is said of the new one";
    if (next.verdict == Verdict::ready) moved.remedy = "set on_tag_moved to \"follow\" to take it";
    if (deferred) moved.remedy = "to fetch it now: nodeproof check";
    moved.message += next.verdict == Verdict::ready ? "; the new one would be ready"
                     : deferred                     ? "; the new one waits: " + deferral_of(job)
                                : "; the new one is not: " + report::worst_code(next.findings);
  }
  resolve::RegistryWord word{Freshness::stale, {std::move(moved)}};
  if (judged) return settled(job, std::move(report), word);
  report.freshness = word.freshness;  // the next cycle tries again
  append(report.findings, std::move(word.findings));
  return report;
}

// An answer that something is wrong with the tag is no outage, and neither takes away the proof.
ImageReport ImageCycle::judge_failed(const Job& job, const Error& error,
                                     const ResolvedImage& kept) {
  Finding failure = report::finding_from_error(error, report::Stage::resolve);
  if (error.code == Errc::cancelled) {
    ImageReport report = blank_report(job.image);
    report.findings.push_back(std::move(failure));
    return report;
  }
  if (error.code == Errc::throttled) polls_.refused(job.reference);
  ImageReport report = prove(job, kept);
  const bool outage = failure.severity == Severity::unknown || !config_.registry_asked;
  failure.severity = Severity::warn;
  if (!outage) {
    polls_.hear(job.reference);
    restore_hint(failure, job, delivery_of(job, kept));
    return settled(job, std::move(report), {Freshness::stale, {std::move(failure)}});
  }
  report.freshness = Freshness::unreachable;
  report.findings.push_back(std::move(failure));
  append(report.findings, job.proven()->word.findings);
  return report;
}

std::string ImageCycle::delivery_of(const Job& job, const ResolvedImage& kept) {
  const auto delivered = resolve::still_delivered(ports_.registry, kept, job.stop);
  if (delivered) return "can still be pulled by its digest";
  if (delivered.error().code == Errc::corrupt) {
    return "can no longer be pulled by its digest: " + delivered.error().message;
  }
  return "is not known to be pullable by its digest: " + delivered.error().message;
}

void ImageCycle::restore_hint(Finding& finding, const Job& job, const std::string& variant) const {
  const Descriptor& manifest = job.proven()->manifest;
  finding.subject = job.reference.name();
  finding.message += "; the variant proven here (" + manifest.digest.str() + ") " + variant;
  finding.remedy = "rebuild the tag with what this node proved: nodeproof index restore --tag " +
                   job.reference.name() + " --ledger";
}

// Never proven; or what was proven is not here, or containerd does not say whether it is.
ImageReport ImageCycle::judge_absent(const Job& job, const Error& why) {
  ImageReport report = blank_report(job.image);
  if (job.proven() && !is_gone(why)) {
    report.findings.push_back(report::finding_from_error(why, report::Stage::resolve));
    return report;
  }
  const auto named = latest(job);
  if (named) {
    if (!named->unconfirmed && config_.registry_asked) {
      polls_.answered(job.reference, job.image.on_tag_moved);
      polls_.hear(job.reference);
    }
    Job anew = job;  // an older proof says nothing of what is gone or damaged
    if (anew.look.proven) anew.look.proven->proof_key.clear();
    report = prove(anew, *named);
    if (named->twin_of && !is_readable(*named)) {
      if (const auto other = latest(job)) report = prove(anew, *other);
    }
    note_unconfirmed(*named, report);
    return report;
  }
  Finding failure = report::finding_from_error(named.error(), report::Stage::resolve);
  if (job.proven() && failure.severity == Severity::fail) {
    return judge_lost(job, why, std::move(failure));
  }
  report.findings.push_back(std::move(failure));
  if (job.proven()) report.findings.push_back(lost_finding(why));
  return report;
}

// The tag is damaged, and what was proven is not here any more: its variant may still be had.
ImageReport ImageCycle::judge_lost(const Job& job, const Error& why, Finding failure) {
  const auto last_good = resolve::resolve_last_good(
      *job.proven(), job.reference, {ports_.registry, ports_.store, ledger_}, job.stop);
  ImageReport report = last_good ? prove(job, *last_good) : blank_report(job.image);
  if (report.verdict == Verdict::ready) {
    failure.severity = Severity::warn;
    restore_hint(failure, job, "was not here any more and was pulled again by its digest");
    return settled(job, std::move(report), {Freshness::stale, {std::move(failure)}});
  }
  report.findings.push_back(std::move(failure));
  report.findings.push_back(lost_finding(why));
  return report;
}

}  // namespace nodeproof
