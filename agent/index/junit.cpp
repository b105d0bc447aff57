// An index report as test cases: of the tag itself, of each platform and of each host.
#include "common/junit.hpp"

#include <algorithm>

#include "agent/index/render.hpp"

namespace nodeproof::index {

namespace {

using Outcome = JunitCase::Outcome;

struct Judged {
  std::string name;
  PlatformVerdict verdict;
  bool tolerated;  // damage that is no failure
  const std::vector<Finding>& findings;
};

bool has(const std::vector<Finding>& findings, Severity severity) {
  return std::ranges::any_of(findings, [&](const Finding& f) { return f.severity == severity; });
}

Outcome outcome_of(const Judged& test, bool fail_on_warn) {
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

JunitCase case_of(const Judged& test, const std::string& image, bool fail_on_warn) {
  JunitCase made{.classname = image, .name = test.name, .text = text_of(test.findings)};
  made.outcome = outcome_of(test, fail_on_warn);
  const auto worst = std::ranges::max_element(test.findings, {}, &Finding::severity);
  const bool known = worst != test.findings.end();
  made.type = known ? worst->code : "";
  made.message = known ? worst->message : to_string(test.verdict);
  return made;
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

JunitSuite suite_of(const IndexReport& report, bool fail_on_warn) {
  const std::string& image = report.reference;
  JunitSuite suite{.name = image};
  const auto add = [&](const Judged& test) {
    suite.cases.push_back(case_of(test, image, fail_on_warn));
  };
  add({"index", tag_verdict(report), false, report.findings});
  for (const PlatformReport& platform : report.platforms) {
    const std::string name =
        platform.attestation ? "attestation " + platform.digest : platform.platform;
    add({name, platform.verdict, platform.attestation, platform.findings});
  }
  for (const HostReport& host : report.hosts) {
    add({host.platform + " on " + host.host, verdict_of(host), false, host.findings});
  }
  return suite;
}

}  // namespace

std::string to_junit(std::span<const IndexReport> reports, bool fail_on_warn) {
  JunitDocument document{.name = "nodeproof inspect"};
  for (const IndexReport& report : reports) {
    document.suites.push_back(suite_of(report, fail_on_warn));
  }
  return to_xml(document);
}

}  // namespace nodeproof::index
