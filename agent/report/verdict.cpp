#include "agent/report/verdict.hpp"

#include <algorithm>

#include "agent/codes.hpp"
#include "agent/report/codes.hpp"
#include "agent/report/overridden.hpp"

namespace nodeproof::report {
namespace {

bool has(const std::vector<Finding>& findings, Severity severity) {
  return std::ranges::find(findings, severity, &Finding::severity) != findings.end();
}

bool has(const std::vector<Finding>& findings, std::string_view code) {
  return std::ranges::find(findings, code, &Finding::code) != findings.end();
}

Verdict worse(Verdict a, Verdict b) { return std::max(a, b); }  // ready < unknown < not_ready

// "app:v2.1.0" of "registry.example.com/myorg/app:v2.1.0"; of a digest its first hex digits.
std::string short_name(const std::string& reference) {
  const std::size_t slash = reference.rfind('/');
  std::string name = slash == std::string::npos ? reference : reference.substr(slash + 1);
  const std::size_t digest = name.find("@sha");
  if (digest != std::string::npos) {
    const std::size_t colon = name.find(':', digest);
    if (colon != std::string::npos) name.resize(std::min(name.size(), colon + 13));
  }
  return name;
}

Finding nothing_required() {
  Finding finding;
  finding.code = code::kNothingRequired;
  finding.severity = Severity::unknown;
  if (const CodeText* text = find_code(code::kNothingRequired)) {
    finding.message = "no image is required on this node, so nothing is proven";
    finding.remedy = text->remedy;
  }
  return finding;
}

struct Count {
  std::size_t required = 0;
  std::size_t ready = 0;
  const ImageReport* worst = nullptr;  // the first of the worst; nullptr = all are ready
};

Count count_images(const std::vector<ImageReport>& images) {
  Count count;
  for (const ImageReport& image : images) {
    if (!image.required) continue;
    ++count.required;
    if (image.verdict == Verdict::ready) {
      ++count.ready;
    } else if (count.worst == nullptr || image.verdict > count.worst->verdict) {
      count.worst = &image;
    }
  }
  return count;
}

Verdict node_findings_verdict(const std::vector<Finding>& findings) {
  if (has(findings, Severity::fail)) return Verdict::not_ready;
  return has(findings, Severity::unknown) ? Verdict::unknown : Verdict::ready;
}

}  // namespace

Verdict image_verdict(const ImageReport& image, bool require_smoke) {
  const bool test_failed = std::ranges::find(image.smoke, SmokeOutcome::failed,
                                             &SmokeResult::result) != image.smoke.end();
  if (has(image.findings, Severity::fail) || test_failed) return Verdict::not_ready;
  if (has(image.findings, Severity::unknown) || image.manifest_digest.empty()) {
    return Verdict::unknown;
  }
  const bool executed = std::ranges::any_of(image.smoke, [](const SmokeResult& result) {
    return result.result == SmokeOutcome::passed && result.runs > 0;
  });
  return require_smoke && !executed ? Verdict::unknown : Verdict::ready;
}

std::string worst_code(const std::vector<Finding>& findings) {
  const auto worst = std::ranges::max_element(findings, {}, &Finding::severity);
  return worst == findings.end() || worst->severity == Severity::info ? "" : worst->code;
}

void conclude(NodeReport& report) {
  const Count count = count_images(report.images);
  if (count.required == 0 && !has(report.findings, code::kNothingRequired)) {
    report.findings.push_back(nothing_required());
  }
  for (const ImageReport& image : report.images) {
    report.freshness = std::max(report.freshness, image.freshness);
  }
  const Verdict node = node_findings_verdict(report.findings);
  const Verdict images = count.worst == nullptr ? Verdict::ready : count.worst->verdict;
  report.verdict = worse(node, images);
  report.reason.clear();
  report.message = std::to_string(count.ready) + "/" + std::to_string(count.required) + " ready";
  if (report.verdict == Verdict::ready) return;
  if (images >= node) {
    report.reason = worst_code(count.worst->findings);
    if (report.reason.empty()) {  // looked at, nothing wrong, but nothing executed either
      report.reason =
          count.worst->manifest_digest.empty() ? code::kInspectionIncomplete : code::kNotExecuted;
    }
    report.message += "; " + report.reason + " " + short_name(count.worst->reference);
    const std::size_t others = count.required - count.ready - 1;
    if (others > 0) report.message += " (+" + std::to_string(others) + ")";
  } else {
    report.reason = worst_code(report.findings);
    report.message += "; " + report.reason;
  }
}

void continue_from(NodeReport& report, const NodeReport& before) {
  report.sequence = before.sequence + 1;
  report.since = report.verdict == before.verdict ? before.since : report.time;
}

int exit_code(const NodeReport& report) {
  const bool none_judged = std::ranges::all_of(
      report.images, [](const ImageReport& image) { return image.verdict == Verdict::unknown; });
  ExitCode code = ExitCode::unknown;
  if (has(report.findings, code::kInterrupted)) {
    code = ExitCode::interrupted;
  } else if (!report.overridden && none_judged &&
             has(report.findings, code::kContainerdUnavailable)) {
    code = ExitCode::containerd_unreachable;
  } else if (effective_verdict(report) == Verdict::ready) {
    code = ExitCode::ready;
  } else if (report.verdict == Verdict::not_ready) {
    code = ExitCode::not_ready;
  }
  return static_cast<int>(code);
}

}  // namespace nodeproof::report
