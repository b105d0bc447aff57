#include "agent/report/golden.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/codes.hpp"
#include "agent/report/time.hpp"
#include "common/json.hpp"
#include "tests/fakes/keys.hpp"
#include "tests/unit/report/sample.hpp"

namespace nodeproof::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kApp = "registry.example.com/demo/good:1";
const std::string kIndex = "sha256:" + std::string(64, 'a');

NodeReport reference_report() {
  NodeReport report = sample();
  report.node = "ref-1";
  report.host.platform.architecture = "amd64";
  report.host.kernel_release = "6.1.0";
  ImageReport& image = report.images[0];
  image.platform = "linux/amd64";
  image.smoke[0].normalised_sha256 = std::string(64, '1');
  image.smoke[0].test_sha256 = std::string(64, '2');
  return report;
}

GoldenRecord golden() { return golden_of(reference_report(), kApp).value(); }

std::string sealed(const std::string& statement, const char* key = fakes::kExampleKey,
                   std::string_view type = kStatementType) {
  dsse::Envelope envelope{std::string(type), statement, {}};
  EXPECT_TRUE(dsse::sign(envelope, PrivateKey::parse(key).value()));
  return dsse::to_json(envelope);
}

std::vector<PublicKey> trusted() { return {PublicKey::parse(fakes::kExamplePublicKey).value()}; }

TEST(Golden, HoldsWhatTheTestsOfAnImageGave) {
  const GoldenRecord record = golden();
  EXPECT_EQ(record.digest, kIndex);
  EXPECT_EQ(record.node, "ref-1");
  EXPECT_EQ(record.platform, "linux/amd64");
  ASSERT_EQ(record.tests.size(), 1U);
  EXPECT_EQ(record.tests[0], (GoldenTest{"starts", 0, std::string(64, '1'), std::string(64, '2')}));
}

TEST(Golden, ComesBackFromItsStatement) {
  const auto back = from_statement(to_statement(golden()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, golden());
}

TEST(Golden, IsAnInTotoStatementOfATestResult) {
  const auto statement = json::parse(to_statement(golden())).value();
  EXPECT_EQ(statement.find("_type")->string().value(), "https://in-toto.io/Statement/v1");
  EXPECT_EQ(statement.find("predicateType")->string().value(),
            "https://in-toto.io/attestation/test-result/v0.1");
  const json::Value& subject = statement.find("subject")->items().at(0);
  EXPECT_EQ(subject.find("digest")->find("sha256")->string().value(), std::string(64, 'a'));
  const json::Value& predicate = *statement.find("predicate");
  EXPECT_EQ(predicate.find("result")->string().value(), "PASSED");
  EXPECT_THAT(predicate.find("passedTests")->strings().value(), ElementsAre("starts"));
  EXPECT_EQ(predicate.find("configuration")->items().size(), 1U);
}

TEST(Golden, IsFoundByAnySpellingOfTheImage) {
  EXPECT_TRUE(golden_of(reference_report(), kApp));
  NodeReport report = reference_report();
  report.images[0].reference = "demo/good";
  EXPECT_TRUE(golden_of(report, "docker.io/demo/good:latest"));
}

TEST(Golden, IsNoneOfAnImageThatFailedOrRanNothingOrIsNotThere) {
  EXPECT_EQ(golden_of(reference_report(), "registry.example.com/demo/wrong:v2").error().code,
            Errc::unsupported);
  EXPECT_EQ(golden_of(reference_report(), "registry.example.com/demo/far:3").error().code,
            Errc::unsupported);
  const auto absent = golden_of(reference_report(), "registry.example.com/demo/none:1");
  EXPECT_EQ(absent.error().code, Errc::not_found);
  EXPECT_THAT(absent.error().remedy, HasSubstr("registry.example.com/demo/good:1"));
  NodeReport unrun = reference_report();
  unrun.images[0].smoke[0].result = SmokeOutcome::skipped;
  EXPECT_THAT(golden_of(unrun, kApp).error().message, HasSubstr("no test was run"));
}

TEST(Golden, OfAHostileStatementIsRefused) {
  const std::string good = to_statement(golden());
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  for (const std::string& text : std::vector<std::string>{
           "", "{}", "[1]", changed("Statement/v1", "Statement/v2"),
           changed("test-result/v0.1", "test-result/v9"), changed("nodeproof.dev/golden/v1", "x"),
           changed(R"("exit":0)", R"("exit":99999999999)"), changed(R"("exit":0)", R"("exit":"0")"),
           changed(R"("time":")", R"("time":"x)"), changed(std::string(64, 'a'), "abc"),
           changed(R"("subject":[)", R"("subject":[{},)"),
           changed(R"("tests":[)", R"("tests":[1,)"), changed(R"("PASSED")", R"("FAILED")")}) {
    EXPECT_FALSE(from_statement(text)) << text.substr(0, 200);
  }
}

TEST(GoldenChoice, TakesWhatATrustedKeyHasSigned) {
  const std::vector<std::string> envelopes{sealed(to_statement(golden()))};
  const GoldenChoice choice = choose_golden(envelopes, kIndex, trusted());
  ASSERT_TRUE(choice.record);
  EXPECT_EQ(*choice.record, golden());
  EXPECT_EQ(choice.signer, trusted()[0].id().str());
}

TEST(GoldenChoice, TakesTheNewest) {
  GoldenRecord newer = golden(), older = golden();
  newer.time += std::chrono::hours(1);
  newer.node = "newer";
  older.time -= std::chrono::hours(1);
  const std::vector<std::string> envelopes{
      sealed(to_statement(golden())), sealed(to_statement(newer)), sealed(to_statement(older))};
  EXPECT_EQ(choose_golden(envelopes, kIndex, trusted()).record->node, "newer");
}

TEST(GoldenChoice, TakesNothingOfAnotherKeyHoweverNew) {
  GoldenRecord newer = golden();
  newer.time += std::chrono::hours(1);
  newer.node = "evil";
  std::vector<std::string> envelopes{sealed(to_statement(newer), fakes::kOtherKey)};
  const GoldenChoice alone = choose_golden(envelopes, kIndex, trusted());
  EXPECT_FALSE(alone.record);
  EXPECT_THAT(alone.untrusted, ElementsAre(HasSubstr("evil")));
  envelopes.push_back(sealed(to_statement(golden())));
  EXPECT_EQ(choose_golden(envelopes, kIndex, trusted()).record->node, "ref-1");
  EXPECT_FALSE(choose_golden(envelopes, kIndex, {}).record);
}

TEST(GoldenChoice, TakesNothingThatWasChangedAfterwards) {
  dsse::Envelope envelope = dsse::parse(sealed(to_statement(golden()))).value();
  const auto at = envelope.payload.find(std::string(64, '1'));
  envelope.payload[at] = '3';
  const std::vector<std::string> envelopes{dsse::to_json(envelope)};
  const GoldenChoice choice = choose_golden(envelopes, kIndex, trusted());
  EXPECT_FALSE(choice.record);
  EXPECT_EQ(choice.untrusted.size(), 1U);
}

TEST(GoldenChoice, PassesOverOtherImagesAndOtherStatements) {
  GoldenRecord other = golden();
  other.digest = "sha256:" + std::string(64, 'f');
  const std::vector<std::string> envelopes{
      sealed(to_statement(other)), sealed(R"({"_type":"https://in-toto.io/Statement/v1"})"),
      sealed(to_statement(golden()), fakes::kExampleKey, "text/plain")};
  const GoldenChoice choice = choose_golden(envelopes, kIndex, trusted());
  EXPECT_FALSE(choice.record);
  EXPECT_THAT(choice.untrusted, IsEmpty());
  EXPECT_THAT(choice.unreadable, IsEmpty());
  const std::vector<std::string> none{"no envelope"};
  EXPECT_EQ(choose_golden(none, kIndex, trusted()).unreadable.size(), 1U);
}

// ---- beside what was run here ----

SmokeResult here(int exit = 0, const std::string& output = std::string(64, '1')) {
  SmokeResult result;
  result.name = "starts";
  result.result = exit == 0 ? SmokeOutcome::passed : SmokeOutcome::failed;
  result.exit = exit;
  result.normalised_sha256 = output;
  result.test_sha256 = std::string(64, '2');
  return result;
}

std::vector<Finding> beside(const SmokeResult& result) {
  return beside_golden(golden(), {result}, {"app", "pi-17", "linux/arm64"});
}

std::string only_code(const std::vector<Finding>& findings) {
  return findings.size() == 1 ? findings[0].code : std::to_string(findings.size()) + " findings";
}

TEST(BesideGolden, SaysNothingWhenAllIsAlike) { EXPECT_THAT(beside(here()), IsEmpty()); }

TEST(BesideGolden, FailsATestThatWritesSomethingElse) {
  const auto findings = beside(here(0, std::string(64, '9')));
  ASSERT_EQ(only_code(findings), code::kOutputDiffers);
  EXPECT_EQ(findings[0].severity, Severity::fail);
  EXPECT_THAT(findings[0].message, HasSubstr("writes something else than on linux/amd64"));
  EXPECT_EQ(findings[0].evidence,
            "here (linux/arm64, node pi-17): exit 0, output 999999999999; there (linux/amd64, node "
            "ref-1): exit 0, output 111111111111");
}

TEST(BesideGolden, FailsATestThatEndsOtherwise) {
  const auto findings = beside(here(3));
  ASSERT_EQ(only_code(findings), code::kOutputDiffers);
  EXPECT_THAT(findings[0].message, HasSubstr("ends otherwise"));
  SmokeResult died = here(-1, "");
  died.signal = "SIGILL";
  EXPECT_THAT(beside(died)[0].evidence, HasSubstr("SIGILL"));
}

TEST(BesideGolden, OnlyTellsWhatItCannotCompare) {
  SmokeResult unnamed = here(), edited = here(0, std::string(64, '9')), cut = here(0, "");
  unnamed.name = "other";
  edited.test_sha256 = std::string(64, '7');
  for (const SmokeResult& result : {unnamed, edited, cut}) {
    const auto findings = beside(result);
    ASSERT_EQ(only_code(findings), code::kNoReference);
    EXPECT_EQ(findings[0].severity, Severity::info);
  }
}

TEST(BesideGolden, LeavesOutWhatWasNotRun) {
  SmokeResult skipped;
  skipped.name = "starts";
  EXPECT_THAT(beside(skipped), IsEmpty());
}

}  // namespace
}  // namespace nodeproof::report
