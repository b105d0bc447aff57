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

// The host's part of what a proof depends on: when it changes, the proof is an old one.
std::string proof_key(const HostFacts& host) {
  std::string text = to_string(host.platform) + '\n' + std::to_string(host.page_size) + '\n' +
                     host.kernel_release + '\n' + host.isa_level;
  if (host.containerd)
    text += '\n' + host.containerd->version + '\n' + host.containerd->snapshotter;
  for (const std::string& hwcap : host.hwcaps) text += '\n' + hwcap;
  return hash_of(as_bytes(text)).str();
}

ImageReport blank_report(const RequiredImage& image) {
  ImageReport report;
  report.reference = image.reference;
  report.required = image.required;
  return report;
}

std::vector<smoke::FileExpectation> to_compare(std::vector<inspect::NeededFile> files) {
  std::vector<smoke::FileExpectation> expected;
  for (inspect::NeededFile& file : files) {
    expected.push_back({std::move(file.path), file.size, std::move(file.sha256)});
  }
  return expected;
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
    report = judge({image, *reference, std::move(stop)});
  } else {
    report.findings.push_back(
        report::finding_from_error(reference.error(), report::Stage::resolve));
  }
  report.verdict = report::image_verdict(report, config_.settings.require_smoke);
  ports_.progress({image.reference, Phase::done, 0, 0});
  return report;
}

// The registry's word is about freshness; what is proven on this disk stays proven without it.
ImageReport ImageCycle::judge(const Job& job) {
  ports_.progress({job.image.reference, Phase::resolve, 0, 0});
  resolve::LocalFirstRegistry documents(ports_.registry, ports_.store);
  const auto latest = resolve::resolve(documents, job.reference, host_, job.stop);
  const auto proven = config_.ad_hoc ? std::nullopt : ledger_.find(job.reference.name());
  if (latest && (!proven || top_of(*proven).digest == top_of(*latest).digest)) {
    return prove(job, *latest);
  }
  Result<ResolvedImage> kept = fail(Errc::not_found, "never proven here");
  if (proven) kept = resolve::resolve_offline(*proven, job.reference, ports_.store, job.stop);
  if (latest) return kept ? judge_moved(job, *latest, *kept) : prove(job, *latest);
  Finding failure = report::finding_from_error(latest.error(), report::Stage::resolve);
  ImageReport report = blank_report(job.image);
  if (kept && latest.error().code != Errc::cancelled) {
    report = prove(job, *kept);
    // An answer that something is wrong with the tag is no outage, and neither takes away the
    // proof.
    report.freshness =
        failure.severity == Severity::unknown ? Freshness::unreachable : Freshness::stale;
    failure.severity = Severity::warn;
  }
  report.findings.push_back(std::move(failure));
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
  ImageReport report = blank_report(job.image);
  report.platform = to_string(resolved.config.platform);
  report.index_digest = resolved.index ? resolved.index->digest.str() : "";
  report.manifest_digest = resolved.manifest.digest.str();
  report.choice = resolved.choice;
  report.findings = resolved.findings;
  std::string lease = prepull::lease_id_for(resolved.reference);
  if (proof != Proof::to_be_recorded) lease += "-next";
  if (auto pulled = pull(job, resolved, lease)) {
    report.pull = pulled->stats;
    inspect_and_run(job, resolved, *pulled, report);
  } else {
    report.findings.push_back(report::finding_from_error(pulled.error(), report::Stage::pull));
  }
  report.verdict = report::image_verdict(report, config_.settings.require_smoke);
  if (auto ended = conclude(resolved, lease, proof, report.verdict); !ended) {
    report.findings.push_back(report::finding_from_error(ended.error(), report::Stage::pull));
    report.verdict = report::image_verdict(report, config_.settings.require_smoke);
  }
  return report;
}

Result<PulledImage> ImageCycle::pull(const Job& job, const ResolvedImage& resolved,
                                     const std::string& lease) {
  const LayerObserverFactory observers = inspect::make_observer_factory(inventories_);
  const prepull::PullPorts ports{ports_.registry, ports_.store, observers, ports_.progress};
  prepull::PullOptions options;
  options.parallel = config_.settings.pull.parallel;
  options.lease_id = lease;
  if (host_.containerd) options.snapshotter = host_.containerd->snapshotter;
  return prepull::prepull(resolved, ports, options, job.stop);
}

void ImageCycle::inspect_and_run(const Job& job, const ResolvedImage& resolved,
                                 const PulledImage& pulled, ImageReport& report) {
  ports_.progress({job.image.reference, Phase::inspect, 0, 0});
  const auto inventories = inspect::load_inventories(inventories_, resolved.document);
  inspect::InspectResult inspected =
      inspect::inspect({resolved, inventories, host_, job.image.emulation, job.image.smoke});
  append(report.findings, std::move(inspected.findings));
  if (has_fail(report.findings)) {  // a start would only repeat what the bytes have told
    for (const SmokeTest& test : job.image.smoke) {
      SmokeResult skipped;
      skipped.name = test.name;
      skipped.reason = "the inspection failed";
      report.smoke.push_back(std::move(skipped));
    }
    return;
  }
  ports_.progress({job.image.reference, Phase::smoke, 0, 0});
  auto smoked = smoke::smoke({.image = job.image.reference,
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
  if (!smoked) {
    report.findings.push_back(report::finding_from_error(smoked.error(), report::Stage::smoke));
    return;
  }
  report.smoke = std::move(smoked->results);
  append(report.findings, std::move(smoked->findings));
}

// Nothing unproven gets a name: a required image that is not ready stays under its lease, so that
// the next cycle need not fetch it again; one named ad hoc is given back.
Result<> ImageCycle::conclude(const ResolvedImage& resolved, const std::string& lease, Proof proof,
                              Verdict verdict) {
  const bool named = proof != Proof::for_information && (!config_.ad_hoc || config_.keep);
  if (verdict != Verdict::ready || !named) {
    return config_.ad_hoc ? prepull::release(ports_.store, lease) : Result<>();
  }
  TRY(prepull::publish(resolved, ports_.store,
                       {.namespace_ = host_.containerd ? host_.containerd->namespace_ : "",
                        .lease_id = lease,
                        .host = host_.platform}));
  return ledger_.record({.name = resolved.reference.name(),
                         .index = resolved.index,
                         .manifest = resolved.manifest,
                         .proof_key = proof_key(host_),
                         .time = to_rfc3339(ports_.clock.now())});
}

}  // namespace nodeproof
