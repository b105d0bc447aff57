#include <algorithm>

#include "agent/codes.hpp"
#include "agent/report/golden.hpp"
#include "common/words.hpp"

namespace nodeproof::report {
namespace {

std::string short_hash(const std::string& hex) {
  return hex.empty() ? "none" : excerpt(hex, 64).substr(0, 12);
}

bool was_run(const SmokeResult& result) {
  return result.result != SmokeOutcome::skipped &&
         (result.exit >= 0 || !result.signal.empty() || !result.normalised_sha256.empty());
}

// Of files and services no output is kept; of a command that writes too much its digest is, as it
// was written.
bool has_output(const SmokeResult& result) {
  return !result.stdout_sha256.empty() || !result.normalised_sha256.empty();
}

std::string how_it_ended(const SmokeResult& result) {
  return result.signal.empty() ? "exit " + std::to_string(result.exit) : result.signal;
}

std::string place(const std::string& platform, const std::string& node) {
  return (platform.empty() ? "" : excerpt(platform, 64) + ", ") + "node " + excerpt(node, 64);
}

Finding no_reference(const GoldenSubject& here, const std::string& why, const char* remedy) {
  return {.code = std::string(code::kNoReference),
          .severity = Severity::info,
          .subject = here.image,
          .layer = {},
          .message = why,
          .evidence = {},
          .remedy = remedy};
}

Finding differs(const GoldenRecord& record, const GoldenTest& test, const SmokeResult& result,
                const GoldenSubject& here) {
  const bool ended_alike = result.signal.empty() && result.exit == test.exit;
  return {.code = std::string(code::kOutputDiffers),
          .severity = Severity::fail,
          .subject = here.image,
          .layer = {},
          .message = "test \"" + excerpt(result.name) + "\" " +
                     (ended_alike ? "writes something else" : "ends otherwise") + " than on " +
                     place(record.platform, record.node),
          .evidence = "here (" + place(here.platform, here.node) + "): " + how_it_ended(result) +
                      ", output " + short_hash(result.normalised_sha256) + "; there (" +
                      place(record.platform, record.node) + "): exit " + std::to_string(test.exit) +
                      ", output " + short_hash(test.normalised_sha256),
          .remedy =
              "run the test in the image on both and compare what it writes; where it has to "
              "differ, take that out of the test or record a new reference"};
}

std::optional<Finding> judge(const GoldenRecord& record, const SmokeResult& result,
                             const GoldenSubject& here) {
  const auto test = std::ranges::find(record.tests, result.name, &GoldenTest::name);
  const std::string name = "test \"" + excerpt(result.name) + "\" ";
  if (test == record.tests.end()) {
    return no_reference(here,
                        name + "is not in the report of " + place(record.platform, record.node),
                        "record a new reference with this test");
  }
  const bool other_test = !test->test_sha256.empty() && !result.test_sha256.empty() &&
                          test->test_sha256 != result.test_sha256;
  if (other_test) {
    return no_reference(here,
                        name + "runs something else than in the report of " +
                            place(record.platform, record.node) + ": it was not compared",
                        "record a new reference, or declare the test as it was then");
  }
  const bool passed = result.result == SmokeOutcome::passed;
  const bool known_here = !result.normalised_sha256.empty();
  const bool known_there = !test->normalised_sha256.empty();
  if (passed && !known_there && !has_output(result)) return std::nullopt;  // a service
  const bool ended_alike = result.signal.empty() && result.exit == test->exit;
  const bool neither = !known_here && !known_there;
  if (ended_alike && (known_here != known_there || (neither && has_output(result)))) {
    return no_reference(here,
                        name + "has no digest of its output " +
                            (neither      ? "here and there"
                             : known_here ? "there"
                                          : "here") +
                            ", for it is too long: it was not compared",
                        "let the test write less");
  }
  if (ended_alike && result.normalised_sha256 == test->normalised_sha256) return std::nullopt;
  return differs(record, *test, result, here);
}

}  // namespace

std::vector<Finding> beside_golden(const GoldenRecord& record,
                                   const std::vector<SmokeResult>& results,
                                   const GoldenSubject& here) {
  std::vector<Finding> findings;
  for (const SmokeResult& result : results) {
    if (!was_run(result)) continue;
    auto finding = judge(record, result, here);
    if (finding) findings.push_back(*std::move(finding));
  }
  return findings;
}

}  // namespace nodeproof::report
