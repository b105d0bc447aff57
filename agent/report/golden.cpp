#include "agent/report/golden.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "agent/json_read.hpp"
#include "agent/report/attestation.hpp"
#include "agent/report/time.hpp"
#include "common/clock.hpp"
#include "common/digest.hpp"
#include "common/json.hpp"
#include "common/reference.hpp"
#include "common/text.hpp"
#include "common/words.hpp"

namespace nodeproof::report {
namespace {

constexpr std::string_view kExtension = "https://nodeproof.dev/golden/v1";
constexpr std::size_t kMaxTests = 1000;

bool names(const std::string& asked, const std::string& reference) {
  if (asked == reference) return true;
  const auto left = Reference::parse(asked);
  const auto right = Reference::parse(reference);
  return left && right && left->name() == right->name();
}

std::string known_images(const NodeReport& report) {
  std::string names;
  for (const ImageReport& image : report.images) {
    names += (names.empty() ? "" : ", ") + excerpt(image.reference);
  }
  return names.empty() ? "it has none" : "it has " + names;
}

std::unexpected<Error> no_reference(const std::string& image, const std::string& why) {
  return fail(Errc::unsupported, image + ": " + why + ": that is no reference",
              "record a report of a node on which all tests of the image pass");
}

Result<std::vector<GoldenTest>> tests_of(const ImageReport& image) {
  std::vector<GoldenTest> tests;
  for (const SmokeResult& result : image.smoke) {
    if (result.result == SmokeOutcome::failed) {
      return no_reference(image.reference, "the test " + excerpt(result.name) + " failed");
    }
    if (result.result == SmokeOutcome::skipped) continue;
    tests.push_back({result.name, result.exit, result.normalised_sha256, result.test_sha256});
  }
  if (tests.empty()) return no_reference(image.reference, "no test was run");
  return tests;
}

void write_subject(json::Writer& out, const GoldenRecord& record) {
  const std::size_t colon = record.digest.find(':');
  out.key("subject").begin_array().begin_object().member("name", record.reference);
  out.key("digest").begin_object();
  out.member(record.digest.substr(0, colon), record.digest.substr(colon + 1));
  out.end_object().end_object().end_array();
}

void write_extension(json::Writer& out, const GoldenRecord& record) {
  out.key(kExtension).begin_object();
  out.member("node", record.node).member("platform", record.platform);
  out.member("board", record.board).member("kernel", record.kernel);
  out.member("pageSize", record.page_size).member("time", to_rfc3339(record.time));
  out.member("sequence", record.sequence).member("bootId", record.boot_id);
  out.member("agentVersion", record.agent_version);
  out.key("tests").begin_array();
  for (const GoldenTest& test : record.tests) {
    out.begin_object().member("name", test.name).member("result", "passed");
    out.member("exit", std::int64_t{test.exit});
    out.member("normalisedSha256", test.normalised_sha256);
    out.member("testSha256", test.test_sha256).end_object();
  }
  out.end_array().end_object();
}

Result<std::string> subject_digest(const json::Value& statement) {
  const json::Value* subjects = TRY(statement.at("subject"));
  if (subjects->items().size() != 1) return std::unexpected(subjects->wrong("one subject"));
  const json::Value* digests = TRY(subjects->items().front().at("digest"));
  for (const auto& [algorithm, value] : digests->members()) {
    const auto digest = Digest::parse(algorithm + ":" + TRY(value.string()));
    if (digest) return digest->str();
  }
  return std::unexpected(digests->wrong("a digest"));
}

Result<GoldenTest> read_test(const json::Value& value) {
  GoldenTest test;
  TRY(json::read(value, "name", test.name));
  const std::string result = TRY(value.string_or("result", ""));
  if (result != "passed") {
    return fail(Errc::invalid_document,
                "of the test \"" + excerpt(test.name) + "\" it does not say that it passed");
  }
  TRY(json::read(value, "normalisedSha256", test.normalised_sha256));
  TRY(json::read(value, "testSha256", test.test_sha256));
  const json::Value* exit = TRY(value.at("exit"));
  const std::int64_t status = TRY(exit->integer());
  if (status < std::numeric_limits<int>::min() || status > std::numeric_limits<int>::max()) {
    return std::unexpected(exit->wrong("an exit status"));
  }
  test.exit = static_cast<int>(status);
  return test;
}

Result<GoldenRecord> read_extension(const json::Value& value) {
  GoldenRecord record;
  TRY(json::read(value, "node", record.node));
  TRY(json::read(value, "platform", record.platform));
  TRY(json::read(value, "board", record.board));
  TRY(json::read(value, "kernel", record.kernel));
  TRY(json::read(value, "pageSize", record.page_size));
  TRY(json::read(value, "sequence", record.sequence));
  TRY(json::read(value, "bootId", record.boot_id));
  TRY(json::read(value, "agentVersion", record.agent_version));
  const json::Value* time = TRY(value.at("time"));
  const std::string written = TRY(time->string());
  record.time = TRY(parse_rfc3339(written));
  const json::Value* tests = TRY(value.at("tests"));
  if (tests->items().size() > kMaxTests) return fail(Errc::too_large, "too many tests");
  for (const json::Value& item : tests->items()) record.tests.push_back(TRY(read_test(item)));
  return record;
}

}  // namespace

Result<GoldenRecord> golden_of(const NodeReport& report, const std::string& image) {
  const auto found = std::ranges::find_if(
      report.images, [&](const ImageReport& each) { return names(image, each.reference); });
  if (found == report.images.end()) {
    return fail(Errc::not_found, "the report of " + excerpt(report.node) + " has no image " + image,
                known_images(report));
  }
  const std::string& digest =
      found->index_digest.empty() ? found->manifest_digest : found->index_digest;
  if (!Digest::parse(digest)) return no_reference(image, "its digest is not known");
  const HostFacts& host = report.host;
  return GoldenRecord{found->reference,
                      digest,
                      report.node.empty() ? host.name : report.node,
                      found->platform,
                      host.board,
                      host.kernel_release,
                      host.page_size,
                      report.time,
                      report.sequence,
                      host.boot_id,
                      report.agent_version,
                      TRY(tests_of(*found))};
}

std::string to_statement(const GoldenRecord& record) {
  json::Writer out;
  out.begin_object().member("_type", kStatement);
  write_subject(out, record);
  out.member("predicateType", kTestResult);
  out.key("predicate").begin_object().member("result", "PASSED");
  std::vector<std::string> passed;
  out.key("configuration").begin_array();
  for (const GoldenTest& test : record.tests) {
    passed.push_back(test.name);
    if (test.test_sha256.empty()) continue;
    out.begin_object().member("name", test.name).key("digest").begin_object();
    out.member("sha256", test.test_sha256).end_object().end_object();
  }
  out.end_array();
  out.member("passedTests", passed).member("warnedTests", std::vector<std::string>());
  out.member("failedTests", std::vector<std::string>());
  write_extension(out, record);
  return out.end_object().end_object().str();
}

Result<GoldenRecord> from_statement(std::string_view text) {
  const json::Value statement = TRY(json::parse(text, {.max_bytes = 1 << 20, .max_depth = 16}));
  const std::string type = TRY(statement.string_or("_type", ""));
  const std::string predicate_type = TRY(statement.string_or("predicateType", ""));
  const json::Value* predicate = statement.find("predicate");
  const json::Value* ours = predicate == nullptr ? nullptr : predicate->find(kExtension);
  if (type != kStatement || predicate_type != kTestResult || ours == nullptr) {
    return fail(Errc::unsupported, "this statement is no recorded reference of nodeproof");
  }
  if (TRY(predicate->string_or("result", "")) != "PASSED") {
    return fail(Errc::invalid_document, "it does not say that the tests have passed");
  }
  GoldenRecord record = TRY(read_extension(*ours));
  record.digest = TRY(subject_digest(statement));
  record.reference = TRY(statement.find("subject")->items().front().string_or("name", ""));
  return record;
}

GoldenChoice choose_golden(std::span<const std::string> envelopes, const std::string& digest,
                           std::span<const PublicKey> keys) {
  GoldenChoice choice;
  for (const std::string& text : envelopes) {
    const auto envelope = dsse::parse(text);
    if (!envelope) {
      choice.unreadable.push_back(envelope.error().message);
      continue;
    }
    if (envelope->payload_type != kStatementType) continue;
    const PublicKey* key = dsse::signer(*envelope, keys);
    auto record = from_statement(envelope->payload);
    if (!record && record.error().code == Errc::unsupported) continue;
    if (!record) {
      choice.unreadable.push_back(record.error().message);
    } else if (record->digest != digest) {
      continue;
    } else if (key == nullptr) {
      choice.untrusted.push_back("the report of " + excerpt(record->node, 64) + " of " +
                                 to_rfc3339(record->time));
    } else if (!choice.record || choice.record->time < record->time) {
      choice.record = *std::move(record);
      choice.signer = key->id().str();
    }
  }
  return choice;
}

}  // namespace nodeproof::report
