// What is proven stays proven: after a boot, with another nodeproof, and while there is no room to
// prove it anew.
#include <algorithm>
#include <string_view>
#include <utility>

#include "agent/codes.hpp"
#include "agent/image_cycle.hpp"
#include "agent/image_golden.hpp"
#include "agent/image_report.hpp"
#include "agent/report/findings.hpp"
#include "agent/smoke/memory.hpp"

namespace nodeproof {
namespace {

// Of a proof's key; "" = none.
std::string_view tests_half(std::string_view key) {
  return key.substr(std::min(key.find(' '), key.size()));
}

}  // namespace

bool ImageCycle::is_settled(const ImageReport& image) const {
  const auto reference = Reference::parse(image.reference);
  const auto proven = reference ? ledger_.find(reference->name()) : std::nullopt;
  const auto since = proven ? parse_rfc3339(proven->time) : std::nullopt;
  return since && proven->manifest.digest.str() == image.manifest_digest &&
         ports_.clock.now() - *since >= std::chrono::hours(24);
}

bool ImageCycle::is_seen(const resolve::ProvenImage& proven) const {
  return proven.boot == host_.boot_id && proven.agent == agent_id();
}

// After a boot the unpacked files are compared, and another nodeproof judges the bytes anew; what
// the tests have shown stands. Nothing: the report says what is wrong.
std::optional<resolve::ProvenImage> ImageCycle::look_again(const Job& job,
                                                           const ResolvedImage& resolved,
                                                           ImageReport& report) {
  inspect::InspectResult inspected = inspect_bytes(job, resolved, report);
  resolve::ProvenImage seen = *job.proven();
  seen.found = report.findings;
  weigh(report);
  Result<SmokeReport> compared = SmokeReport{};
  if (!has_fail(report.findings) && seen.boot != host_.boot_id) {
    if (auto why = deferral(job)) {
      static_cast<void>(defer(job, resolved, *std::move(why), report));
      weigh(report);
      return {};
    }
    compared = compare_again(job, resolved, std::move(inspected));
  }
  if (compared) {
    append(report.findings, compared->findings);
  } else {
    report.findings.push_back(report::finding_from_error(compared.error(), report::Stage::smoke));
  }
  report.smoke = skipped(tests_of(job, resolved).tests);
  weigh(report);
  if (report.verdict == Verdict::ready) {
    seen.boot = host_.boot_id;
    seen.agent = agent_id();
    const bool kept = !config_.ad_hoc || config_.keep;
    // Should it not be written, the next cycle looks again.
    if (kept) static_cast<void>(ledger_.record(seen));
    return seen;
  }
  if (report.verdict == Verdict::not_ready) note_failure(doubt(job, resolved), report);
  return {};
}

GoldenQuestion ImageCycle::beside_golden(const Job& job, const ResolvedImage& resolved,
                                         const std::vector<SmokeTest>& tests) const {
  const std::string& name = config_.settings.node.name;
  return {ports_.registry, job.image, tests, resolved, name.empty() ? host_.name : name};
}

// What the start showed then; beside a reference that was not to be had then and is now.
SmokeReport ImageCycle::smoke_of_proof(const Job& job, const ResolvedImage& resolved, Proof proof) {
  SmokeReport smoke = job.proven()->smoke;
  if (!is_golden_awaited(smoke)) return smoke;
  const std::vector<SmokeTest> tests = tests_of(job, resolved).tests;
  compare_with_golden_again(beside_golden(job, resolved, tests), smoke, job.stop);
  const bool kept = proof != Proof::for_information && (!config_.ad_hoc || config_.keep);
  if (!kept || is_golden_awaited(smoke)) return smoke;
  // Should it not be written, the next cycle compares again.
  if (has_fail(smoke.findings)) {
    static_cast<void>(doubt(job, resolved));
    return smoke;
  }
  resolve::ProvenImage record = *job.proven();
  record.smoke = smoke;
  static_cast<void>(ledger_.record(record));
  return smoke;
}

// A start needs memory that a loaded host may not have.
std::optional<Finding> ImageCycle::deferral(const Job& job) const {
  const auto why = smoke::too_little_memory(smoke::read_memory(config_.host_root));
  if (!why) return {};
  return Finding{.code = std::string(code::kSmokeDeferred),
                 .severity = Severity::unknown,
                 .subject = job.image.reference,
                 .layer = {},
                 .message = "not started: " + *why,
                 .evidence = {},
                 .remedy = "none is needed: the next cycle tries again; to free memory helps"};
}

// What was proven of the same bytes by the same tests stays so; a test that never ran proves
// nothing.
Result<SmokeReport> ImageCycle::defer(const Job& job, const ResolvedImage& resolved,
                                      Finding finding, ImageReport& report) {
  const auto& proven = job.proven();
  const bool stands = proven && proven->manifest.digest == resolved.manifest.digest &&
                      !tests_half(proven->proof_key).empty() &&
                      tests_half(proven->proof_key) == tests_half(key_of(job.image));
  report.smoke =
      stands ? proven->smoke.results : skipped(tests_of(job, resolved).tests, "memory is short");
  if (stands) {
    append(report.findings, proven->smoke.findings);
    finding.severity = Severity::info;
    finding.message += "; what was proven on " + proven->time + " stands";
  }
  report.findings.push_back(std::move(finding));
  return fail(Errc::deferred, "memory is short");
}

}  // namespace nodeproof
