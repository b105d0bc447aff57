#include "agent/image_cycle.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "agent/codes.hpp"
#include "agent/inspect/inspect.hpp"
#include "agent/inspect/observer.hpp"
#include "agent/prepull/prepull.hpp"
#include "agent/prepull/publish.hpp"
#include "agent/report/findings.hpp"
#include "agent/report/verdict.hpp"
#include "agent/resolve/local_first.hpp"
#include "agent/resolve/resolve.hpp"
#include "agent/smoke/smoke.hpp"
#include "common/crypto.hpp"
#include "common/version.hpp"

namespace nodeproof {
namespace {

// What a tag names: the index, or the one manifest.
template <class Image>
const Descriptor& top_of(const Image& image) {
  return image.index ? *image.index : image.manifest;
}

bool has_fail(const std::vector<Finding>& findings) {
  return std::ranges::any_of(findings,
                             [](const Finding& f) { return f.severity == Severity::fail; });
}

void append(std::vector<Finding>& to, std::vector<Finding> from) {
  std::ranges::move(from, std::back_inserter(to));
}

// What a proof depends on besides the image: when any of it changes, the proof is an old one. The
// boot is part of it, for the unpacked files are compared once per boot.
std::string proof_key(const HostFacts& host, const RequiredImage& image) {
  std::string text;
  const auto add = [&text](std::string_view part) { text.append(part).push_back('\0'); };
  const auto add_all = [&](const std::vector<std::string>& parts) {
    add(std::to_string(parts.size()));
    for (const std::string& part : parts) add(part);
  };
  add(build_info().version);
  add(build_info().commit);
  add(host.boot_id);
  add(to_string(host.platform));
  add(std::to_string(host.page_size));
  add(host.kernel_release);
  add(host.isa_level);
  add_all(host.hwcaps);
  for (const BinfmtHandler& handler : host.binfmt) {
    if (handler.enabled) add(handler.name + ' ' + handler.interpreter + ' ' + handler.flags);
  }
  if (host.containerd) add(host.containerd->version + ' ' + host.containerd->snapshotter);
  add(std::to_string(static_cast<int>(image.emulation)));
  for (const SmokeTest& test : image.smoke) {
    add(test.name);
    add_all(test.args);
    add_all(test.env);
    add(test.user);
    add(std::to_string(test.timeout.count()));
    add(std::to_string(test.expect.exit));
    add(test.expect.stdout_regex);
    add(test.expect.stderr_regex);
  }
  return hash_of(as_bytes(text)).str();
}

ImageReport blank_report(const RequiredImage& image) {
  ImageReport report;
  report.reference = image.reference;
  report.required = image.required;
  return report;
}

ImageReport described(const RequiredImage& image, const ResolvedImage& resolved) {
  ImageReport report = blank_report(image);
  report.platform = to_string(resolved.config.platform);
  report.index_digest = resolved.index ? resolved.index->digest.str() : "";
  report.manifest_digest = resolved.manifest.digest.str();
  report.choice = resolved.choice;
  report.findings = resolved.findings;
  return report;
}

PullStats all_reused(const Manifest& manifest) {
  PullStats stats;
  stats.layers = stats.reused_layers = static_cast<unsigned>(manifest.layers.size());
  for (const Descriptor& layer : manifest.layers) stats.bytes += layer.size;
  return stats;
}

std::vector<SmokeResult> skipped(const std::vector<SmokeTest>& tests) {
  std::vector<SmokeResult> results;
  for (const SmokeTest& test : tests) {
    SmokeResult& result = results.emplace_back();
    result.name = test.name;
    result.reason = "the inspection failed";
  }
  return results;
}

std::vector<smoke::FileExpectation> to_compare(std::vector<inspect::NeededFile> files) {
  std::vector<smoke::FileExpectation> expected;
  expected.reserve(files.size());
  for (inspect::NeededFile& file : files) {
    expected.push_back({std::move(file.path), file.size, std::move(file.sha256)});
  }
  return expected;
}

// What was proven is no longer on this disk, or no longer what it was; as opposed to: containerd
// could not be asked.
bool is_gone(const Error& error) {
  return error.code == Errc::not_found || error.code == Errc::corrupt ||
         error.code == Errc::digest_mismatch || error.code == Errc::invalid_document;
}

Finding nothing_executed(const RequiredImage& image) {
  return {.code = std::string(code::kNotExecuted),
          .severity = Severity::unknown,
          .subject = image.reference,
          .layer = {},
          .message = "require_smoke is set, and nothing of the image was executed",
          .evidence = {},
          .remedy = "declare a smoke test for it"};
}

// The tag's digest is a local source's word.
void note_unconfirmed(const ResolvedImage& latest, ImageReport& report) {
  if (!latest.unconfirmed) return;
  Finding silent = report::finding_from_error(*latest.unconfirmed, report::Stage::resolve);
  silent.severity = Severity::warn;
  report.freshness = Freshness::unreachable;
  report.findings.push_back(std::move(silent));
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

}  // namespace

ImageCycle::ImageCycle(const CycleConfig& config, const HostFacts& host, Ports& ports)
    : config_(config),
      host_(host),
      ports_(ports),
      inventories_(config.state_dir / "scan"),
      ledger_(config.state_dir / "ledger") {}

ImageReport ImageCycle::run(const RequiredImage& image, std::stop_token stop) {
  ImageReport report = blank_report(image);
  if (auto reference = Reference::parse(image.reference)) {
    auto proven = config_.ad_hoc ? std::nullopt : ledger_.find(reference->name());
    report = judge({image, *reference, std::move(proven), std::move(stop)});
    if (config_.ad_hoc) give_back(*reference, report);
  } else {
    report.findings.push_back(
        report::finding_from_error(reference.error(), report::Stage::resolve));
  }
  report.verdict = report::image_verdict(report, config_.settings.require_smoke);
  if (report.verdict == Verdict::unknown &&
      report::image_verdict(report, false) == Verdict::ready) {
    report.findings.push_back(nothing_executed(image));
  }
  ports_.progress({image.reference, Phase::done, 0, 0});
  return report;
}

void ImageCycle::release_unclaimed() {
  const auto leases = ports_.store.leases(std::string(prepull::kCandidateLabel));
  if (!leases) return;  // each ends by itself, too
  std::vector<std::string> claimed;
  for (const RequiredImage& image : config_.settings.images) {
    const auto reference = Reference::parse(image.reference);
    if (!reference) continue;
    for (const Proof proof : {Proof::to_be_recorded, Proof::of_a_successor}) {
      claimed.push_back(lease_of(*reference, proof));
    }
  }
  for (const Lease& lease : *leases) {
    if (std::ranges::find(claimed, lease.id) != claimed.end()) continue;
    static_cast<void>(ports_.store.delete_lease(lease.id, Release::lazily));
  }
}

// One for the image that is required, one for its possible successor, one for what was only asked
// about.
std::string ImageCycle::lease_of(const Reference& reference, Proof proof) const {
  const std::string lease = prepull::lease_id_for(reference);
  if (config_.ad_hoc) return lease + "-adhoc";
  return proof == Proof::to_be_recorded ? lease : lease + "-next";
}

// What was named ad hoc and got no records is nobody's to keep. Where publish wrote them the lease
// is gone already.
void ImageCycle::give_back(const Reference& reference, ImageReport& report) {
  if (auto released = prepull::release(ports_.store, lease_of(reference)); !released) {
    report.findings.push_back(report::finding_from_error(released.error(), report::Stage::pull));
  }
}

// The registry's word is about freshness; what is proven on this disk stays proven without it.
ImageReport ImageCycle::judge(const Job& job) {
  ports_.progress({job.image.reference, Phase::resolve, 0, 0});
  resolve::LocalFirstRegistry documents(ports_.registry, ports_.store);
  const auto latest = resolve::resolve(documents, job.reference, host_, job.stop);
  const auto& proven = job.proven;
  if (latest && (!proven || top_of(*proven).digest == top_of(*latest).digest)) {
    ImageReport report = prove(job, *latest);
    note_unconfirmed(*latest, report);
    return report;
  }
  Result<ResolvedImage> kept = fail(Errc::not_found, "never proven here");
  if (proven) kept = resolve::resolve_offline(*proven, job.reference, ports_.store, job.stop);
  // A source may be older than what is proven: without the registry's word nothing has moved.
  const bool unconfirmed = latest && latest->unconfirmed;
  if (latest && kept && !unconfirmed) return judge_moved(job, *latest, *kept);
  if (latest && !kept && is_gone(kept.error())) {
    ImageReport report = prove(job, *latest);
    note_unconfirmed(*latest, report);
    return report;
  }
  const Error& obstacle = !latest               ? latest.error()
                          : kept && unconfirmed ? *latest->unconfirmed
                                                : kept.error();
  Finding failure = report::finding_from_error(obstacle, report::Stage::resolve);
  ImageReport report = blank_report(job.image);
  if (kept && obstacle.code != Errc::cancelled) {
    report = prove(job, *kept);
    // An answer that something is wrong with the tag is no outage, and neither takes away the
    // proof.
    report.freshness =
        failure.severity == Severity::unknown ? Freshness::unreachable : Freshness::stale;
    failure.severity = Severity::warn;
  }
  report.findings.push_back(std::move(failure));
  if (!latest && proven && !kept) {  // no registry, and what was proven is not whole here either
    report.findings.push_back(report::finding_from_error(kept.error(), report::Stage::inspect));
  }
  return report;
}

// nodeproof is no auto-updater: on_tag_moved says what happens, and the proven image stays until
// its successor is proven.
ImageReport ImageCycle::judge_moved(const Job& job, const ResolvedImage& latest,
                                    const ResolvedImage& proven) {
  Finding moved = moved_finding(latest, proven);
  if (job.image.on_tag_moved != OnTagMoved::report) {
    const bool follow = job.image.on_tag_moved == OnTagMoved::follow;
    ImageReport next = prove(job, latest, follow ? Proof::of_a_successor : Proof::for_information);
    if (follow && next.verdict == Verdict::ready) return next;
    moved.message += next.verdict == Verdict::ready
                         ? "; the new one would be ready"
                         : "; the new one is not: " + report::worst_code(next.findings);
  }
  ImageReport report = prove(job, proven);
  report.freshness = Freshness::stale;
  report.findings.push_back(std::move(moved));
  return report;
}

ImageReport ImageCycle::prove(const Job& job, const ResolvedImage& resolved, Proof proof) {
  ImageReport report = described(job.image, resolved);
  const Result<bool> holds = proof_holds(job, resolved);
  if (!holds || *holds) {
    inspect_bytes(job, resolved, report);
    report.pull = all_reused(resolved.document);
    report.smoke = job.proven->smoke.results;
    append(report.findings, job.proven->smoke.findings);
    if (!holds) {  // a proof is not lost because containerd could not be asked about it
      Finding trouble = report::finding_from_error(holds.error(), report::Stage::pull);
      if (holds.error().code != Errc::cancelled) trouble.severity = Severity::warn;
      report.findings.push_back(std::move(trouble));
      report.freshness = Freshness::stale;
    }
    report.verdict = report::image_verdict(report, config_.settings.require_smoke);
    return report;
  }
  const std::string lease = lease_of(resolved.reference, proof);
  const auto smoke = make_proof(job, resolved, lease, report);
  report.verdict = report::image_verdict(report, config_.settings.require_smoke);
  const bool named = proof != Proof::for_information && (!config_.ad_hoc || config_.keep);
  Result<> ended;
  if (report.verdict == Verdict::not_ready) ended = doubt(job, resolved);
  if (smoke && report.verdict == Verdict::ready && named) {
    ended = conclude(resolved, lease,
                     {.name = resolved.reference.name(),
                      .index = resolved.index,
                      .manifest = resolved.manifest,
                      .proof_key = proof_key(host_, job.image),
                      .time = to_rfc3339(ports_.clock.now()),
                      .smoke = *smoke,
                      .offered = resolved.available});
  }
  if (!ended) {
    report.findings.push_back(report::finding_from_error(ended.error(), report::Stage::pull));
    report.verdict = report::image_verdict(report, config_.settings.require_smoke);
  }
  return report;
}

// An image that was proven and now fails has no proof that a later cycle could recall; its digest
// stays in the ledger.
Result<> ImageCycle::doubt(const Job& job, const ResolvedImage& resolved) {
  if (!job.proven || job.proven->manifest.digest != resolved.manifest.digest) return {};
  resolve::ProvenImage doubted = *job.proven;
  doubted.proof_key.clear();
  return ledger_.record(doubted);
}

// Image, host, tests and program are what they were, the boot is the same, and what was proven is
// still there. An error: all but the last is so, and containerd does not say.
Result<bool> ImageCycle::proof_holds(const Job& job, const ResolvedImage& resolved) {
  if (config_.again || !job.proven || job.proven->manifest.digest != resolved.manifest.digest ||
      job.proven->proof_key != proof_key(host_, job.image)) {
    return false;
  }
  for (const Descriptor& layer : resolved.document.layers) {
    if (!inventories_.contains(layer.digest)) return false;
  }
  const auto record = TRY(ports_.store.image(resolved.reference.name()));
  if (!record) return false;
  // The name may have been given to other, unproven bytes meanwhile.
  const Digest& named = record->target.digest;
  if (named != resolved.manifest.digest && named != top_of(resolved).digest) return false;
  return ports_.store.has_snapshot(chain_ids(resolved.config.diff_ids).back(), "");
}

// Fetches, inspects and starts; what goes wrong is in the report. No SmokeReport: the image was not
// started.
Result<SmokeReport> ImageCycle::make_proof(const Job& job, const ResolvedImage& resolved,
                                           const std::string& lease, ImageReport& report) {
  auto pulled = pull(job, resolved, lease);
  if (!pulled) {
    report.findings.push_back(report::finding_from_error(pulled.error(), report::Stage::pull));
    return std::unexpected(std::move(pulled).error());
  }
  report.pull = pulled->stats;
  inspect::InspectResult inspected = inspect_bytes(job, resolved, report);
  if (has_fail(report.findings)) {  // a start would only repeat what the bytes have told
    report.smoke = skipped(job.image.smoke);
    return fail(Errc::corrupt, "the inspection failed");
  }
  auto smoke = start(job, resolved, *pulled, std::move(inspected));
  if (!smoke) {
    report.findings.push_back(report::finding_from_error(smoke.error(), report::Stage::smoke));
    return smoke;
  }
  report.smoke = smoke->results;
  append(report.findings, smoke->findings);
  return smoke;
}

Result<PulledImage> ImageCycle::pull(const Job& job, const ResolvedImage& resolved,
                                     const std::string& lease) {
  const LayerObserverFactory observers = inspect::make_observer_factory(inventories_);
  const prepull::PullPorts ports{ports_.registry, ports_.store, observers, ports_.progress};
  prepull::PullOptions options;
  options.parallel = config_.settings.pull.parallel;
  options.title = job.image.reference;
  options.lease_id = lease;
  if (host_.containerd) options.snapshotter = host_.containerd->snapshotter;
  return prepull::prepull(resolved, ports, options, job.stop);
}

inspect::InspectResult ImageCycle::inspect_bytes(const Job& job, const ResolvedImage& resolved,
                                                 ImageReport& report) {
  ports_.progress({job.image.reference, Phase::inspect, 0, 0});
  const auto inventories = inspect::load_inventories(inventories_, resolved.document);
  inspect::InspectResult inspected =
      inspect::inspect({resolved, inventories, host_, job.image.emulation, job.image.smoke});
  append(report.findings, std::move(inspected.findings));
  return inspected;
}

Result<SmokeReport> ImageCycle::start(const Job& job, const ResolvedImage& resolved,
                                      const PulledImage& pulled, inspect::InspectResult inspected) {
  ports_.progress({job.image.reference, Phase::smoke, 0, 0});
  return smoke::smoke({.image = job.image.reference,
                       .config = resolved.config,
                       .rootfs = pulled.chain.back(),
                       .tests = job.image.smoke,
                       .files = to_compare(std::move(inspected.files)),
                       .program = inspected.program,
                       .interpreter = inspected.loader,
                       .host = host_,
                       .emulation = job.image.emulation,
                       .binary = config_.binary,
                       .work_dir = config_.run_dir / "smoke",
                       .lease = pulled.lease,
                       .limits = {}},
                      ports_.runtime, job.stop);
}

// Only what is proven gets a name. What is not stays under its lease, so that the next cycle need
// not fetch it again.
Result<> ImageCycle::conclude(const ResolvedImage& resolved, const std::string& lease,
                              const resolve::ProvenImage& proven) {
  TRY(prepull::publish(resolved, ports_.store,
                       {.namespace_ = host_.containerd ? host_.containerd->namespace_ : "",
                        .lease_id = lease,
                        .host = host_.platform}));
  return ledger_.record(proven);
}

}  // namespace nodeproof
