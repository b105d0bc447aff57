#include "agent/image_golden.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "agent/codes.hpp"
#include "agent/image_report.hpp"
#include "agent/report/golden.hpp"
#include "agent/report/golden_registry.hpp"
#include "agent/smoke_json.hpp"
#include "common/crypto.hpp"
#include "common/file.hpp"
#include "common/words.hpp"

namespace nodeproof {
namespace {

constexpr std::string_view kInRegistry = "registry";
// The evidence of a finding that the next check may lift.
constexpr std::string_view kAskedAgain = "the registry is asked again by the next check";
constexpr std::size_t kMaxKeyBytes = 16384;
constexpr std::size_t kMaxReportBytes = 1 << 20;

void note_tests(const std::vector<SmokeTest>& tests, std::vector<SmokeResult>& results) {
  for (SmokeResult& result : results) {
    const auto test = std::ranges::find_if(tests, [&](const SmokeTest& each) {
      return each.name == result.name && each.source == result.source;
    });
    if (test == tests.end()) continue;
    result.test_sha256 = smoke_test_digest(*test);
    // What a server logs tells when and to whom, and is no result.
    if (test->service) {
      result.stdout_sha256.clear();
      result.normalised_sha256.clear();
    }
  }
}

Finding about(const GoldenQuestion& question, std::string_view code, Severity severity,
              std::string message) {
  Finding finding;
  finding.code = code;
  finding.severity = severity;
  finding.subject = question.image.reference;
  finding.message = std::move(message);
  return finding;
}

Finding none(const GoldenQuestion& question, std::string message) {
  Finding finding = about(question, code::kNoReference, Severity::info,
                          std::move(message) + ": nothing compared");
  finding.remedy = "record one on a node whose output is right: nodeproof golden record";
  return finding;
}

// What the operator demands, and what something is in the way of. Of a check that was stopped
// nothing is known.
Finding not_had(const GoldenQuestion& question, const Error& error) {
  const bool stopped = error.code == Errc::cancelled;
  Finding finding =
      about(question, code::kNoReference, stopped ? Severity::unknown : Severity::warn,
            "the reference cannot be had: " + error.message);
  finding.remedy = error.remedy.empty() ? "mend that, and compare then: nodeproof check --again"
                                        : error.remedy + "; then nodeproof check --again";
  return finding;
}

bool is_passing(const Error& error) {
  return error.code == Errc::unreachable || error.code == Errc::timeout ||
         error.code == Errc::throttled || error.code == Errc::server_error ||
         error.code == Errc::cancelled;
}

// What was in the registry's way may be gone the next time.
Finding not_had_there(const GoldenQuestion& question, const Error& error) {
  Finding finding = not_had(question, error);
  if (question.image.golden.report != kInRegistry || !is_passing(error)) return finding;
  finding.evidence = kAskedAgain;
  return finding;
}

Finding not_trusted(const GoldenQuestion& question, const std::string& why) {
  Finding finding = about(question, code::kReferenceNotTrusted, Severity::warn, why);
  finding.remedy =
      "name the public key of whoever records references in golden.keys, or record "
      "and sign it again";
  return finding;
}

struct Keys {
  std::vector<PublicKey> usable;
  std::string troubles;
};

Result<PublicKey> read_key(const std::string& path) {
  const std::string pem = TRY(read_file(path, kMaxKeyBytes));
  auto key = PublicKey::parse(pem);
  if (!key) return std::unexpected(std::move(key).error().with_context(path));
  return key;
}

Keys read_keys(const Golden& golden) {
  Keys keys;
  for (const std::string& path : golden.keys) {
    auto key = read_key(path);
    if (key) {
      keys.usable.push_back(*std::move(key));
    } else {
      keys.troubles += (keys.troubles.empty() ? "" : "; ") + key.error().message;
    }
  }
  if (golden.keys.empty()) keys.troubles = "golden.keys names no key";
  return keys;
}

Result<report::FoundGoldens> read_goldens(const GoldenQuestion& question, const Digest& subject,
                                          const std::stop_token& stop) {
  const std::string& place = question.image.golden.report;
  if (place == kInRegistry) {
    return report::fetch_goldens(question.registry, question.resolved.reference, subject, stop);
  }
  return report::FoundGoldens{{TRY(read_file(place, kMaxReportBytes))}, {}};
}

// Why there is nothing to compare with.
Finding missing(const GoldenQuestion& question, const report::FoundGoldens& found,
                const report::GoldenChoice& choice, const Keys& keys) {
  if (!choice.untrusted.empty()) {
    return not_trusted(question, choice.untrusted.front() + " is signed by none of the keys" +
                                     (keys.troubles.empty() ? "" : " (" + keys.troubles + ")"));
  }
  if (!choice.unreadable.empty()) {
    return not_had(question,
                   {Errc::invalid_document,
                    "it is no signed report to compare with: " + choice.unreadable.front(), ""});
  }
  if (!found.failures.empty()) return not_had_there(question, found.failures.front());
  return none(question, "there is no report about " + top_of(question.resolved).digest.short_str());
}

std::vector<Finding> compared(const GoldenQuestion& question, const SmokeReport& smoke,
                              const std::stop_token& stop) {
  const Digest& subject = top_of(question.resolved).digest;
  const auto found = read_goldens(question, subject, stop);
  if (!found) {
    const bool absent = found.error().code == Errc::not_found;
    return {absent ? none(question, found.error().message)
                   : not_had_there(question, found.error())};
  }
  const Keys keys = read_keys(question.image.golden);
  const auto choice = report::choose_golden(found->envelopes, subject.str(), keys.usable);
  if (!choice.record) return {missing(question, *found, choice, keys)};
  return report::beside_golden(*choice.record, smoke.results,
                               {.image = question.image.reference,
                                .node = question.node,
                                .platform = to_string(question.resolved.config.platform)});
}

}  // namespace

void compare_with_golden(const GoldenQuestion& question, SmokeReport& smoke,
                         const std::stop_token& stop) {
  note_tests(question.tests, smoke.results);
  if (question.image.golden.report.empty()) return;
  append(smoke.findings, compared(question, smoke, stop));
}

bool is_golden_awaited(const SmokeReport& smoke) {
  return std::ranges::find(smoke.findings, kAskedAgain, &Finding::evidence) != smoke.findings.end();
}

void compare_with_golden_again(const GoldenQuestion& question, SmokeReport& smoke,
                               const std::stop_token& stop) {
  std::erase_if(smoke.findings, [](const Finding& f) { return f.evidence == kAskedAgain; });
  compare_with_golden(question, smoke, stop);
}

std::string golden_key(const Golden& golden) {
  if (golden.report.empty()) return "";
  std::string key = golden.report;
  const auto add_content = [&key](const std::string& path) {
    const auto content = read_file(path, kMaxReportBytes);
    key += '\n' + path + ' ' + (content ? hash_of(as_bytes(*content)).str() : "none");
  };
  if (golden.report != kInRegistry) add_content(golden.report);
  std::ranges::for_each(golden.keys, add_content);
  return key;
}

}  // namespace nodeproof
