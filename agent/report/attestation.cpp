#include "agent/report/attestation.hpp"

#include <algorithm>

#include "agent/codes.hpp"
#include "agent/model_json.hpp"
#include "agent/report/golden.hpp"
#include "common/clock.hpp"
#include "common/json.hpp"

namespace nodeproof::report {
namespace {

constexpr std::string_view kInspection = "inspection";  // what is not a test with a name of its own

void write_digest(json::Writer& out, const std::string& digest) {
  const std::size_t colon = digest.find(':');
  out.key("digest").begin_object();
  out.member(digest.substr(0, colon), digest.substr(colon + 1)).end_object();
}

// The variant that was proven, and the index that led to it.
void write_subjects(json::Writer& out, const ImageReport& image) {
  out.key("subject").begin_array();
  for (const std::string& digest : {image.manifest_digest, image.index_digest}) {
    if (digest.empty()) continue;
    out.begin_object().member("name", image.reference);
    write_digest(out, digest);
    out.end_object();
  }
  out.end_array();
}

struct Results {
  std::vector<std::string> passed, warned, failed;
};

Results results_of(const ImageReport& image) {
  Results results;
  for (const SmokeResult& test : image.smoke) {
    if (test.result == SmokeOutcome::passed) results.passed.push_back(test.name);
    if (test.result == SmokeOutcome::failed) results.failed.push_back(test.name);
  }
  for (const Finding& finding : image.findings) {
    if (finding.severity == Severity::info) continue;
    auto& list = finding.severity == Severity::fail ? results.failed : results.warned;
    if (std::ranges::find(list, finding.code) == list.end()) list.push_back(finding.code);
  }
  if (image.verdict == Verdict::ready) results.passed.emplace_back(kInspection);
  return results;
}

std::string_view result_of(const ImageReport& image, const Results& results) {
  if (image.verdict == Verdict::not_ready) return "FAILED";
  return results.warned.empty() && results.failed.empty() ? "PASSED" : "WARNED";
}

void write_configuration(json::Writer& out, const NodeReport& report) {
  out.key("configuration").begin_array();
  if (report.config_digest.find(':') != std::string::npos) {
    out.begin_object().member("name", "configDigest");
    write_digest(out, report.config_digest);
    out.end_object();
  }
  out.end_array();
}

bool is_clock_synchronised(const NodeReport& report) {
  return std::ranges::none_of(report.findings, [](const Finding& finding) {
    return finding.code == code::kClockNotSynchronised || finding.code == code::kClockWrong;
  });
}

void write_extension(json::Writer& out, const NodeReport& report, const ImageReport& image) {
  const HostFacts& host = report.host;
  out.key(kNodeExtension).begin_object();
  out.member("node", report.node).member("bootId", host.boot_id);
  out.member("sequence", report.sequence).member("time", to_rfc3339(report.time));
  out.member("clockSynchronised", is_clock_synchronised(report));
  out.member("verdict", to_string(image.verdict)).member("required", image.required);
  out.member("nodeVerdict", to_string(report.verdict));
  out.member("images", std::uint64_t{report.images.size()});
  out.member("freshness", to_string(report.freshness)).member("platform", image.platform);
  out.member("agentVersion", report.agent_version);
  out.member("architecture", host.platform.architecture).member("board", host.board);
  out.member("pageSize", host.page_size).member("kernel", host.kernel_release).end_object();
}

}  // namespace

std::optional<std::string> image_statement(const NodeReport& report, const ImageReport& image) {
  if (image.verdict == Verdict::unknown || image.manifest_digest.empty()) return std::nullopt;
  const Results results = results_of(image);
  json::Writer out;
  out.begin_object().member("_type", kStatement);
  write_subjects(out, image);
  out.member("predicateType", kTestResult).key("predicate").begin_object();
  out.member("result", result_of(image, results));
  write_configuration(out, report);
  out.member("passedTests", results.passed).member("warnedTests", results.warned);
  out.member("failedTests", results.failed);
  write_extension(out, report, image);
  return out.end_object().end_object().str();
}

Result<std::vector<dsse::Envelope>> attest(const NodeReport& report, const PrivateKey& key) {
  std::vector<dsse::Envelope> envelopes;
  for (const ImageReport& image : report.images) {
    auto statement = image_statement(report, image);
    if (!statement) continue;
    dsse::Envelope envelope{std::string(kStatementType), *std::move(statement), {}};
    TRY(dsse::sign(envelope, key));
    envelopes.push_back(std::move(envelope));
  }
  return envelopes;
}

std::string with_attestations(const std::string& document,
                              const std::vector<dsse::Envelope>& attestations) {
  std::string list;
  for (const dsse::Envelope& envelope : attestations) {
    list += (list.empty() ? "" : ",") + dsse::to_json(envelope);
  }
  const std::size_t end = document.rfind('}');
  return document.substr(0, end) + R"(,"attestations":[)" + list + "]" + document.substr(end);
}

}  // namespace nodeproof::report
