#include "agent/report/attested.hpp"

#include <gtest/gtest.h>

#include "agent/codes.hpp"
#include "agent/report/attestation.hpp"
#include "agent/report/json.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/keys.hpp"

namespace nodeproof::report {
namespace {

ImageReport image(std::string reference, Verdict verdict) {
  ImageReport image;
  image.reference = std::move(reference);
  image.verdict = verdict;
  image.manifest_digest = "sha256:" + std::string(64, 'a');
  return image;
}

NodeReport ready_node() {
  NodeReport report;
  report.node = "pi-17";
  report.sequence = 42;
  report.time = fakes::FakeClock().now();
  report.verdict = Verdict::ready;
  report.host.boot_id = "boot-1";
  report.images = {image("r.example.com/app:1", Verdict::ready),
                   image("r.example.com/db:2", Verdict::ready)};
  return report;
}

class Attested : public ::testing::Test {
 protected:
  [[nodiscard]] std::string document_of(const NodeReport& report) const {
    return with_attestations(to_json(report), *attest(report, key_));
  }
  // What is believed of `report`, which came with the statements of `signed_one`.
  [[nodiscard]] NodeReport believed(NodeReport report, const NodeReport& signed_one) const {
    believe_attested(report, document_of(signed_one), keys_);
    return report;
  }
  PrivateKey key_ = *PrivateKey::parse(fakes::kExampleKey);
  std::vector<PublicKey> keys_ = {*key_.public_key()};
};

TEST_F(Attested, WhatIsSignedIsBelieved) {
  EXPECT_EQ(believed(ready_node(), ready_node()), ready_node());
}

TEST_F(Attested, IsWhatHasAStatementAndNothingLeftOut) {
  NodeReport report = ready_node();
  EXPECT_TRUE(believe_attested(report, document_of(report), keys_));
  EXPECT_FALSE(believe_attested(report, to_json(report), keys_));
  NodeReport unknown = ready_node();
  unknown.verdict = Verdict::unknown;
  for (ImageReport& one : unknown.images) one.verdict = Verdict::unknown;
  EXPECT_FALSE(believe_attested(unknown, to_json(unknown), keys_));
}

TEST_F(Attested, AStatementIsAboutOneImage) {
  NodeReport report = ready_node();
  report.images.back() = report.images.front();
  NodeReport signed_one = report;
  signed_one.images.back().verdict = Verdict::unknown;  // has no statement
  EXPECT_FALSE(believe_attested(report, document_of(signed_one), keys_));
}

TEST_F(Attested, AReportWithoutStatementsIsNotKnown) {
  NodeReport report = ready_node();
  believe_attested(report, to_json(report), keys_);
  EXPECT_EQ(report.verdict, Verdict::unknown);
  EXPECT_EQ(report.reason, code::kReportNotSigned);
  EXPECT_EQ(report.images.front().verdict, Verdict::unknown);
  EXPECT_EQ(report.images.front().findings.front().code, code::kReportNotSigned);
}

TEST_F(Attested, AnotherKeyCountsForNothing) {
  NodeReport report = ready_node();
  believe_attested(report, document_of(report), {});
  EXPECT_EQ(report.verdict, Verdict::unknown);
}

TEST_F(Attested, AStatementOfAnotherReportIsAReplay) {
  using Change = void (*)(NodeReport&);
  const std::vector<Change> changes = {
      [](NodeReport& report) { report.sequence = 41; },
      [](NodeReport& report) { report.time -= std::chrono::hours(1); },
      [](NodeReport& report) { report.host.boot_id = "boot-0"; },
      [](NodeReport& report) { report.node = "pi-18"; },
      [](NodeReport& report) { report.verdict = Verdict::not_ready; },
      [](NodeReport& report) { report.images.pop_back(); },
      [](NodeReport& report) {
        for (ImageReport& one : report.images) one.manifest_digest.back() = 'b';
      },
      [](NodeReport& report) {
        for (ImageReport& one : report.images) one.verdict = Verdict::not_ready;
      },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    NodeReport other = ready_node();
    changes[i](other);
    EXPECT_EQ(believed(ready_node(), other).verdict, Verdict::unknown) << i;
  }
}

TEST_F(Attested, OneImageThatNobodySignedMakesTheNodeUnknownAndIsNamed) {
  NodeReport report = ready_node();
  NodeReport without = report;
  without.images.back().verdict = Verdict::unknown;  // has no statement
  const NodeReport found = believed(report, without);
  EXPECT_EQ(found.images.front().verdict, Verdict::ready);
  EXPECT_EQ(found.images.back().verdict, Verdict::unknown);
  EXPECT_EQ(found.verdict, Verdict::unknown);
}

TEST_F(Attested, WhatIsUnknownNeedsNoSignature) {
  NodeReport report = ready_node();
  report.verdict = Verdict::unknown;
  report.reason = "RegistryUnreachable";
  for (ImageReport& one : report.images) one.verdict = Verdict::unknown;
  const NodeReport before = report;
  believe_attested(report, to_json(report), keys_);
  EXPECT_EQ(report, before);
}

TEST_F(Attested, RubbishAmongTheStatementsIsPassedOver) {
  const NodeReport report = ready_node();
  std::string document = document_of(report);
  document.insert(document.find("\"attestations\":[") + 16, R"("x", 1, {"payload": []}, )");
  NodeReport found = report;
  believe_attested(found, document, keys_);
  EXPECT_EQ(found, report);
}

}  // namespace
}  // namespace nodeproof::report
