#include "agent/report/attested.hpp"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "agent/codes.hpp"
#include "agent/json_read.hpp"
#include "agent/model_json.hpp"
#include "agent/report/attestation.hpp"
#include "agent/report/golden.hpp"
#include "common/clock.hpp"
#include "common/dsse.hpp"
#include "common/json.hpp"

namespace nodeproof::report {
namespace {

constexpr std::size_t kMaxDocument = 16U << 20U;  // bytes

// What a statement says, of which report.
struct Said {
  std::string type, predicate_type, result, node, boot_id, node_verdict, verdict, time;
  std::string freshness;
  bool required = false;
  std::uint64_t sequence = 0, images = 0;
  std::set<std::pair<std::string, std::string>> subjects;  // reference, "sha256:..."
};

Result<> read_subject(const json::Value& subject, Said& said) {
  const std::string name = TRY(subject.string_or("name", ""));
  const json::Value* digests = TRY(subject.at("digest"));
  for (const auto& [algorithm, hex] : digests->members()) {
    said.subjects.emplace(name, algorithm + ":" + TRY(hex.string()));
  }
  return {};
}

Result<> read_subjects(const json::Value& statement, Said& said) {
  const json::Value* subjects = TRY(statement.at("subject"));
  for (const json::Value& subject : subjects->items()) TRY(read_subject(subject, said));
  return {};
}

Result<Said> read_statement(std::string_view text) {
  const json::Value statement = TRY(json::parse(text, {.max_bytes = 1 << 20, .max_depth = 16}));
  Said said;
  TRY(json::read(statement, "_type", said.type));
  TRY(json::read(statement, "predicateType", said.predicate_type));
  const json::Value* predicate = TRY(statement.at("predicate"));
  TRY(json::read(*predicate, "result", said.result));
  const json::Value* node = TRY(predicate->at(kNodeExtension));
  TRY(json::read(*node, "node", said.node));
  TRY(json::read(*node, "bootId", said.boot_id));
  TRY(json::read(*node, "sequence", said.sequence));
  TRY(json::read(*node, "verdict", said.verdict));
  TRY(json::read(*node, "nodeVerdict", said.node_verdict));
  TRY(json::read(*node, "images", said.images));
  TRY(json::read(*node, "time", said.time));
  TRY(json::read(*node, "freshness", said.freshness));
  TRY(json::read(*node, "required", said.required));
  TRY(read_subjects(statement, said));
  return said;
}

bool is_of(const Said& said, const NodeReport& report) {
  return said.type == kStatement && said.predicate_type == kTestResult &&
         said.node == report.node && said.boot_id == report.host.boot_id &&
         said.sequence == report.sequence && said.time == to_rfc3339(report.time) &&
         said.images == report.images.size() && said.node_verdict == to_string(report.verdict);
}

bool is_about(const Said& said, const ImageReport& image) {
  const bool failed = image.verdict == Verdict::not_ready;
  return said.verdict == to_string(image.verdict) && said.required == image.required &&
         (said.result == "FAILED") == failed &&
         said.subjects.contains({image.reference, image.manifest_digest});
}

// Those that a key has signed, of this report.
std::vector<Said> signed_statements(const NodeReport& report, std::string_view document,
                                    std::span<const PublicKey> keys) {
  std::vector<Said> statements;
  const auto parsed = json::parse(document, {.max_bytes = kMaxDocument});
  const json::Value* attestations = parsed ? parsed->find("attestations") : nullptr;
  if (attestations == nullptr) return statements;
  for (const json::Value& each : attestations->items()) {
    if (each.kind() != json::Value::Kind::object) continue;
    const auto envelope = dsse::parse(each.source_in(document));
    if (!envelope || envelope->payload_type != kStatementType) continue;
    if (dsse::signer(*envelope, keys) == nullptr) continue;
    auto said = read_statement(envelope->payload);
    if (said && is_of(*said, report)) statements.push_back(*std::move(said));
  }
  return statements;
}

Finding not_signed(const ImageReport& image) {
  Finding finding;
  finding.code = code::kReportNotSigned;
  finding.severity = Severity::unknown;
  finding.subject = image.reference;
  finding.message = "that it is " + std::string(to_string(image.verdict)) +
                    " is signed by none of the given keys for this report";
  finding.remedy =
      "set report.signing.key on the node, and collect what report.file or the "
      "webhook gives";
  return finding;
}

}  // namespace

bool believe_attested(NodeReport& report, std::string_view document,
                      std::span<const PublicKey> keys) {
  std::vector<Said> statements = signed_statements(report, document, keys);
  const bool any = !statements.empty();
  bool all = true;
  for (ImageReport& image : report.images) {
    if (image.verdict == Verdict::unknown) continue;
    const auto said =
        std::ranges::find_if(statements, [&](const Said& one) { return is_about(one, image); });
    if (said != statements.end()) {
      statements.erase(said);  // it is about one image
      continue;
    }
    image.findings = {not_signed(image)};  // nor is what it says of it
    image.verdict = Verdict::unknown;
    all = false;
  }
  // Without an image there is nothing that is proven.
  if (all && any) return true;
  if (all && report.verdict == Verdict::unknown) return false;
  report.verdict = Verdict::unknown;
  report.reason = code::kReportNotSigned;
  report.message = "what it says is not signed by a given key";
  return false;
}

}  // namespace nodeproof::report
