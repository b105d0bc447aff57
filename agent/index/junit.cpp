// The elements that Jenkins, GitLab and GitHub's actions read alike: testsuites, testsuite,
// testcase, failure, error, system-out.
#include <algorithm>

#include "agent/index/render.hpp"
#include "common/xml.hpp"

namespace nodeproof::index {

namespace {

struct Case {
  std::string name;
  PlatformVerdict verdict;
  bool tolerated;  // damage that is no failure
  const std::vector<Finding>& findings;
};

enum class Outcome { passed, failure, error };

struct Counts {
  std::size_t tests = 0, failures = 0, errors = 0;
};

std::string attribute(std::string_view name, std::string_view value) {
  return " " + std::string(name) + "=\"" + xml_escaped(value) + "\"";
}

bool has(const std::vector<Finding>& findings, Severity severity) {
  return std::ranges::any_of(findings, [&](const Finding& f) { return f.severity == severity; });
}

Outcome outcome_of(const Case& test, bool fail_on_warn) {
  if (fail_on_warn && has(test.findings, Severity::warn)) return Outcome::failure;
  if (test.verdict == PlatformVerdict::whole || test.tolerated) return Outcome::passed;
  return test.verdict == PlatformVerdict::unknown ? Outcome::error : Outcome::failure;
}

std::string text_of(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text += finding.code + ": " + finding.message + "\n";
    if (!finding.evidence.empty()) text += "  evidence: " + finding.evidence + "\n";
    if (!finding.remedy.empty()) text += "  remedy: " + finding.remedy + "\n";
  }
  return text;
}

std::string element(const Case& test, Outcome outcome) {
  const std::string text = xml_escaped(text_of(test.findings));
  if (outcome == Outcome::passed) {
    return text.empty() ? "" : "      <system-out>" + text + "</system-out>\n";
  }
  const std::string tag = outcome == Outcome::error ? "error" : "failure";
  const auto worst = std::ranges::max_element(test.findings, {}, &Finding::severity);
  const bool known = worst != test.findings.end();
  return "      <" + tag + attribute("type", known ? worst->code : "") +
         attribute("message", known ? worst->message : to_string(test.verdict)) + ">" + text +
         "</" + tag + ">\n";
}

std::string case_text(const Case& test, std::string_view image, bool fail_on_warn, Counts& counts) {
  const Outcome outcome = outcome_of(test, fail_on_warn);
  ++counts.tests;
  if (outcome == Outcome::failure) ++counts.failures;
  if (outcome == Outcome::error) ++counts.errors;
  const std::string body = element(test, outcome);
  std::string text = "    <testcase" + attribute("classname", image) + attribute("name", test.name);
  return text + (body.empty() ? "/>\n" : ">\n" + body + "    </testcase>\n");
}

// The tag itself is a case too: what is wrong with it belongs to no platform.
PlatformVerdict tag_verdict(const IndexReport& report) {
  if (has(report.findings, Severity::fail)) return PlatformVerdict::missing;
  return has(report.findings, Severity::unknown) ? PlatformVerdict::unknown
                                                 : PlatformVerdict::whole;
}

PlatformVerdict verdict_of(const HostReport& host) {
  if (host.verdict == Verdict::ready) return PlatformVerdict::whole;
  return host.verdict == Verdict::unknown ? PlatformVerdict::unknown : PlatformVerdict::mismatch;
}

std::string counted(const Counts& counts) {
  return attribute("tests", std::to_string(counts.tests)) +
         attribute("failures", std::to_string(counts.failures)) +
         attribute("errors", std::to_string(counts.errors));
}

std::string suite_text(const IndexReport& report, bool fail_on_warn, Counts& all) {
  Counts counts;
  const std::string& image = report.reference;
  std::string cases = case_text({"index", tag_verdict(report), false, report.findings}, image,
                                fail_on_warn, counts);
  for (const PlatformReport& platform : report.platforms) {
    const std::string name =
        platform.attestation ? "attestation " + platform.digest : platform.platform;
    cases += case_text({name, platform.verdict, platform.attestation, platform.findings}, image,
                       fail_on_warn, counts);
  }
  for (const HostReport& host : report.hosts) {
    const std::string name = host.platform + " on " + host.host;
    cases += case_text({name, verdict_of(host), false, host.findings}, image, fail_on_warn, counts);
  }
  all.tests += counts.tests;
  all.failures += counts.failures;
  all.errors += counts.errors;
  return "  <testsuite" + attribute("name", image) + counted(counts) + ">\n" + cases +
         "  </testsuite>\n";
}

}  // namespace

std::string to_junit(std::span<const IndexReport> reports, bool fail_on_warn) {
  Counts counts;
  std::string suites;
  for (const IndexReport& report : reports) suites += suite_text(report, fail_on_warn, counts);
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"nodeproof inspect\"" +
         counted(counts) + ">\n" + suites + "</testsuites>\n";
}

}  // namespace nodeproof::index
