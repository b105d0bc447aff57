#include "agent/report/cause.hpp"

#include <algorithm>

#include "agent/codes.hpp"

namespace nodeproof::report {
namespace {

Severity severity_of(Verdict verdict) {
  return verdict == Verdict::not_ready ? Severity::fail : Severity::unknown;
}

bool says(const std::vector<Finding>& findings, Verdict verdict) {
  return std::ranges::any_of(findings,
                             [&](const Finding& f) { return f.severity == severity_of(verdict); });
}

Finding cause(std::string_view code, Verdict verdict, std::string message) {
  Finding made;
  made.code = code;
  made.severity = severity_of(verdict);
  made.message = std::move(message);
  return made;
}

}  // namespace

std::optional<Finding> unsaid_cause(const ImageReport& image) {
  if (image.verdict == Verdict::ready || says(image.findings, image.verdict)) return std::nullopt;
  const auto failed = std::ranges::find(image.smoke, SmokeOutcome::failed, &SmokeResult::result);
  if (failed != image.smoke.end()) {
    Finding made = cause(code::kSmokeFailed, image.verdict, "the test " + failed->name + " failed");
    made.evidence = failed->reason;
    return made;
  }
  if (image.manifest_digest.empty()) {
    return cause(code::kInspectionIncomplete, image.verdict, "the image was not looked at");
  }
  return cause(code::kNotExecuted, image.verdict, "nothing of the image was executed");
}

std::optional<Finding> unsaid_cause(const NodeReport& report) {
  if (report.verdict == Verdict::ready || says(report.findings, report.verdict))
    return std::nullopt;
  const bool by_image = std::ranges::any_of(report.images, [&](const ImageReport& image) {
    return image.required && image.verdict == report.verdict;
  });
  if (by_image) return std::nullopt;
  const bool known = !report.reason.empty();
  return cause(known ? report.reason : std::string(code::kNotChecked), report.verdict,
               report.message.empty() ? "the report names no cause" : report.message);
}

}  // namespace nodeproof::report
