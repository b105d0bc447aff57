#include "agent/report/attestation.hpp"

#include <gtest/gtest.h>

#include "agent/codes.hpp"
#include "common/json.hpp"
#include "tests/fakes/keys.hpp"

namespace nodeproof::report {
namespace {

constexpr std::string_view kNode = "https://nodeproof.dev/node/v1";

ImageReport image(Verdict verdict) {
  ImageReport image;
  image.reference = "r.example.com/app:1";
  image.verdict = verdict;
  image.manifest_digest = "sha256:" + std::string(64, 'a');
  image.index_digest = "sha256:" + std::string(64, 'b');
  SmokeResult test;
  test.name = "starts";
  test.result = verdict == Verdict::ready ? SmokeOutcome::passed : SmokeOutcome::failed;
  image.smoke = {test};
  return image;
}

NodeReport report_with(ImageReport one) {
  NodeReport report;
  report.node = "pi-17";
  report.sequence = 42;
  report.host.boot_id = "boot-1";
  report.config_digest = "sha256:" + std::string(64, 'c');
  report.images = {std::move(one)};
  return report;
}

json::Value statement(const NodeReport& report) {
  const auto text = image_statement(report, report.images.front());
  EXPECT_TRUE(text);
  return *json::parse(text.value_or("{}"));
}

std::string result_of(const NodeReport& report) {
  return statement(report).find("predicate")->string_or("result", "").value_or("");
}

std::vector<std::string> tests(const NodeReport& report, std::string_view list) {
  return statement(report)
      .find("predicate")
      ->find(list)
      ->strings()
      .value_or(std::vector<std::string>());
}

Finding finding(std::string_view code, Severity severity) {
  Finding made;
  made.code = code;
  made.severity = severity;
  return made;
}

using Names = std::vector<std::string>;

TEST(Attestation, IsAboutTheVariantAndTheIndexThatLedToIt) {
  const json::Value made = statement(report_with(image(Verdict::ready)));
  const auto& subjects = made.find("subject")->items();
  ASSERT_EQ(subjects.size(), 2U);
  EXPECT_EQ(subjects[0].find("digest")->string_or("sha256", "").value_or(""), std::string(64, 'a'));
  EXPECT_EQ(subjects[1].find("digest")->string_or("sha256", "").value_or(""), std::string(64, 'b'));
}

TEST(Attestation, SaysByWhomAndWhenSoThatAReplayIsSeen) {
  const json::Value made = statement(report_with(image(Verdict::ready)));
  const json::Value* node = made.find("predicate")->find(kNode);
  ASSERT_NE(node, nullptr);
  EXPECT_EQ(node->string_or("node", "").value_or(""), "pi-17");
  EXPECT_EQ(node->string_or("bootId", "").value_or(""), "boot-1");
  EXPECT_EQ(node->find("sequence")->unsigned_integer().value_or(0), 42U);
  EXPECT_EQ(node->find("clockSynchronised")->boolean().value_or(false), true);
}

TEST(Attestation, AProvenImageHasPassed) {
  const NodeReport report = report_with(image(Verdict::ready));
  EXPECT_EQ(result_of(report), "PASSED");
  EXPECT_EQ(tests(report, "passedTests"), (Names{"starts", "inspection"}));
}

TEST(Attestation, AWarningIsNoPlainPass) {
  ImageReport warned = image(Verdict::ready);
  warned.findings = {finding(code::kTagMoved, Severity::warn),
                     finding(code::kNotExecuted, Severity::info)};
  const NodeReport report = report_with(warned);
  EXPECT_EQ(result_of(report), "WARNED");
  EXPECT_EQ(tests(report, "warnedTests"), Names{"TagMoved"});
}

TEST(Attestation, AFailedImageHasFailedByNameOfWhatFailed) {
  ImageReport failed = image(Verdict::not_ready);
  failed.findings = {finding(code::kArchMismatch, Severity::fail),
                     finding(code::kArchMismatch, Severity::fail)};
  const NodeReport report = report_with(failed);
  EXPECT_EQ(result_of(report), "FAILED");
  EXPECT_EQ(tests(report, "failedTests"), (Names{"starts", "ArchMismatch"}));
  EXPECT_EQ(tests(report, "passedTests"), Names{});
}

TEST(Attestation, WhatIsNotKnownHasNone) {
  const NodeReport unknown = report_with(image(Verdict::unknown));
  EXPECT_FALSE(image_statement(unknown, unknown.images.front()));
  NodeReport without = report_with(image(Verdict::ready));
  without.images.front().manifest_digest.clear();
  EXPECT_FALSE(image_statement(without, without.images.front()));
}

TEST(Attestation, IsSignedAndStandsAtTheEndOfTheDocument) {
  const auto key = PrivateKey::parse(fakes::kExampleKey);
  ASSERT_TRUE(key);
  const NodeReport report = report_with(image(Verdict::ready));
  const auto envelopes = attest(report, *key);
  ASSERT_TRUE(envelopes);
  ASSERT_EQ(envelopes->size(), 1U);
  const std::vector<PublicKey> keys = {*key->public_key()};
  EXPECT_NE(dsse::signer(envelopes->front(), keys), nullptr);
  const auto document = json::parse(with_attestations("{\"a\": {\"b\": 1}\n}", *envelopes));
  ASSERT_TRUE(document);
  EXPECT_EQ(document->find("attestations")->items().size(), 1U);
}

}  // namespace
}  // namespace nodeproof::report
