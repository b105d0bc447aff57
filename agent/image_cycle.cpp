#include "agent/image_cycle.hpp"

#include <algorithm>
#include <utility>

#include "agent/codes.hpp"
#include "agent/inspect/inspect.hpp"
#include "agent/inspect/observer.hpp"
#include "agent/prepull/prepull.hpp"
#include "agent/report/findings.hpp"
#include "agent/report/verdict.hpp"
#include "agent/resolve/resolve.hpp"
#include "agent/smoke/smoke.hpp"
#include "common/crypto.hpp"

namespace nodeproof {

struct ImageCycle::Job {
  const RequiredImage& image;
  Reference reference;
  std::stop_token stop;
};

namespace {

Descriptor top_of(const ResolvedImage& image) { return image.index ? *image.index : image.manifest; }
Descriptor top_of(const resolve::ProvenImage& image) {
  return image.index ? *image.index : image.manifest;
}

bool has_fail(const std::vector<Finding>& findings) {
  return std::ranges::any_of(findings,
                             [](const Finding& f) { return f.severity == Severity::fail; });
}

void append(std::vector<Finding>& to, std::vector<Finding> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// Everything a proof depends on besides the image: a change of it asks for a new one.
std::string proof_key(const HostFacts& host, const RequiredImage& image) {
  std::string text = to_string(host.platform) + '\n' + std::to_string(host.page_size) + '\n' +
                     host.kernel_release + '\n' + host.isa_level + '\n';
  if (host.containerd) text += host.containerd->version + '\n' + host.containerd->snapshotter;
  for (const std::string& hwcap : host.hwcaps) text += '\n' + hwcap;
  for (const SmokeTest& test : image.smoke) {
    text += '\n' + test.name;
    for (const std::string& arg : test.args) text += '\0' + arg;
  }
  return hash_of(as_bytes(text)).str();
}

ImageReport blank_report(const RequiredImage& image) {
  ImageReport report;
  report.reference = image.reference;
  report.required = image.required;
  return report;
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
  auto reference = Reference::parse(image.reference);
  if (!reference) {
    report.findings.push_back(report::finding_from_error(reference.error(), report::Stage::resolve));
  } else {
    Job job{image, *std::move(reference), stop};
    report = judge(job, stop);
  }
  report.verdict = report::image_verdict(report, config_.settings.require_smoke);
  ports_.progress({image.reference, Phase::done, 0, 0});
  return report;
}

// The registry's word is freshness; what is proven on this disk stays proven without it.
ImageReport ImageCycle::judge(Job& job, std::stop_token stop) {
  ports_.progress({job.image.reference, Phase::resolve, 0, 0});
  auto latest = resolve::resolve(ports_.registry, job.reference, host_, stop);
  const auto proven = ledger_.find(job.reference.name());
  if (latest && (!proven || config_.ad_hoc || top_of(*proven) == top_of(*latest))) {
    return prove(job, *latest, Publish::when_ready);
  }
  auto kept = proven ? resolve::resolve_offline(*proven, job.reference, ports_.store, stop)
                     : fail(Errc::not_found, "never proven here");
  if (latest && kept) return judge_moved(job, *latest, *kept);
  if (latest) return prove(job, *latest, Publish::when_ready);
  Finding failure = report::finding_from_error(latest.error(), report::Stage::resolve);
  if (!kept) {
    ImageReport report = blank_report(job.image);
    report.findings.push_back(std::move(failure));
    return report;
  }
  ImageReport report = prove(job, *kept, Publish::when_ready);
  report.freshness = Freshness::unreachable;
  failure.severity = Severity::warn;
  report.findings.push_back(std::move(failure));
  return report;
}

// on_tag_moved: nodeproof is no auto-updater; the proven digest stays until its successor is proven.
ImageReport ImageCycle::judge_moved(Job& job, const ResolvedImage& latest,
                                    const ResolvedImage& proven) {
  Finding moved{.code = std::string(code::kTagMoved),
                .severity = Severity::warn,
                .subject = job.reference.name(),
                .message = "the tag now names " + top_of(latest).digest.short_str() +
                           ", proven here is " + top_of(proven).digest.short_str(),
                .evidence = top_of(latest).digest.str(),
                .remedy = "set on_tag_moved to follow, or require the new digest"};
  if (job.image.on_tag_moved != OnTagMoved::report) {
    const bool follow = job.image.on_tag_moved == OnTagMoved::follow;
    ImageReport next = prove(job, latest, follow ? Publish::when_ready : Publish::no);
    next.verdict = report::image_verdict(next, config_.settings.require_smoke);
    if (follow && next.verdict == Verdict::ready) return next;
    moved.message += next.verdict == Verdict::ready
                         ? "; the new one would be ready"
                         : "; the new one is not ready: " + report::worst_code(next.findings);
  }
  ImageReport report = prove(job, proven, Publish::when_ready);
  report.freshness = Freshness::stale;
  report.findings.push_back(std::move(moved));
  return report;
}

ImageReport ImageCycle::prove(Job& job, const ResolvedImage& resolved, Publish publish) {
  ImageReport report = blank_report(job.image);
  report.platform = to_string(normalize(resolved.config.platform));
  report.index_digest = resolved.index ? resolved.index->digest.str() : "";
  report.manifest_digest = resolved.manifest.digest.str();
  report.choice = resolved.choice;
  report.findings = resolved.findings;
  pull_and_judge(job, resolved, report, publish);
  return report;
}

}  // namespace nodeproof
