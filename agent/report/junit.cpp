#include "agent/report/junit.hpp"

#include <algorithm>

#include "agent/model_json.hpp"
#include "agent/report/cause.hpp"
#include "agent/report/overridden.hpp"
#include "common/clock.hpp"
#include "common/junit.hpp"

namespace nodeproof::report {
namespace {

using Outcome = JunitCase::Outcome;

std::string listed(const std::vector<Finding>& findings) {
  std::string text;
  for (const Severity severity :
       {Severity::fail, Severity::unknown, Severity::warn, Severity::info}) {
    for (const Finding& finding : findings) {
      if (finding.severity != severity) continue;
      text.append(to_string(severity)).append(" ").append(finding.code);
      if (!finding.subject.empty()) text += " " + finding.subject;
      text += ": " + finding.message + "\n";
      if (!finding.evidence.empty()) text += "  evidence: " + finding.evidence + "\n";
      if (!finding.remedy.empty()) text += "  remedy: " + finding.remedy + "\n";
      if (finding.lowered) text += "  " + finding.lowered->why + "\n";
    }
  }
  return text;
}

// Of an image or of the node: what its findings come to.
JunitCase proof(const std::string& of, const std::vector<Finding>& findings) {
  JunitCase made{.classname = of, .name = "proof", .text = listed(findings)};
  const auto worst = std::ranges::max_element(findings, {}, &Finding::severity);
  if (worst == findings.end() || worst->severity < Severity::unknown) return made;
  made.outcome = worst->severity == Severity::fail ? Outcome::failure : Outcome::error;
  made.type = worst->code;
  made.message = worst->message;
  return made;
}

std::string ending_of(const SmokeResult& test) {
  if (!test.reason.empty()) return test.reason;
  return test.signal.empty() ? "exit status " + std::to_string(test.exit) : test.signal;
}

JunitCase smoke_case(const std::string& image, const SmokeResult& test) {
  JunitCase made{.classname = image, .name = "smoke: " + test.name};
  if (test.result == SmokeOutcome::skipped) {
    made.outcome = Outcome::skipped;
    made.message = test.reason.empty() ? "not run" : test.reason;
    return made;
  }
  made.seconds = test.seconds;
  if (test.result == SmokeOutcome::passed) return made;
  made.outcome = Outcome::failure;
  made.type = "smoke";
  made.message = ending_of(test);
  return made;
}

void excuse(JunitCase& test) {
  if (test.outcome == Outcome::passed || test.outcome == Outcome::skipped) return;
  test.outcome = Outcome::skipped;
  test.message = "not required: " + test.message;
}

std::string facts_of(const ImageReport& image) {
  std::string text = "verdict: " + std::string(to_string(image.verdict)) + "\n";
  if (!image.platform.empty()) text += "platform: " + image.platform + "\n";
  if (!image.manifest_digest.empty()) text += "manifest: " + image.manifest_digest + "\n";
  if (image.freshness != Freshness::current) {
    text.append("freshness: ").append(to_string(image.freshness)).append("\n");
  }
  return text;
}

JunitSuite suite_of(const ImageReport& image) {
  JunitSuite suite{.name = image.reference};
  std::vector<Finding> findings = image.findings;
  if (auto cause = unsaid_cause(image)) findings.push_back(*std::move(cause));
  suite.cases.push_back(proof(image.reference, findings));
  suite.cases.back().text += facts_of(image);
  for (const SmokeResult& test : image.smoke) {
    suite.cases.push_back(smoke_case(image.reference, test));
  }
  if (!image.required) std::ranges::for_each(suite.cases, excuse);
  return suite;
}

JunitSuite node_suite(const NodeReport& report) {
  const std::string name = report.node.empty() ? "this node" : report.node;
  std::vector<Finding> findings = report.findings;
  if (auto cause = unsaid_cause(report)) findings.push_back(*std::move(cause));
  JunitSuite suite{.name = name, .cases = {proof(name, findings)}};
  suite.cases.back().text +=
      "verdict: " + std::string(to_string(report.verdict)) + "; " + report.message + "\n";
  if (report.overridden) suite.cases.back().text += text_of(*report.overridden) + "\n";
  return suite;
}

}  // namespace

std::string to_junit(const NodeReport& report) {
  JunitDocument document{.name = "nodeproof"};
  for (const ImageReport& image : report.images) document.suites.push_back(suite_of(image));
  document.suites.push_back(node_suite(report));
  for (JunitSuite& suite : document.suites) {
    suite.hostname = report.node;
    suite.timestamp = to_rfc3339(report.time);
  }
  return to_xml(document);
}

}  // namespace nodeproof::report
