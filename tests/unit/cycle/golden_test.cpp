// Tests beside the reference that the operator named: from a file, from the registry, and what is
// in the way.
#include "agent/report/golden.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/codes.hpp"
#include "agent/image_golden.hpp"
#include "agent/report/golden_registry.hpp"
#include "agent/smoke_json.hpp"
#include "common/file.hpp"
#include "tests/fakes/fake_hub.hpp"
#include "tests/fakes/keys.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kApp = "r.example/team/app:1";

class BesideTheReference : public testing::Test {
 protected:
  BesideTheReference() {
    SmokeTest test;
    test.name = "starts";
    test.args = {"/bin/app"};
    image.reference = kApp;
    image.smoke = {test};
    image.golden = {(folder.path() / "golden.json").string(), {key_file()}};
  }

  std::string key_file(const char* pem = fakes::kExamplePublicKey) {
    const auto path = folder.path() / "key.pem";
    EXPECT_TRUE(write_file_atomically(path, pem));
    return path.string();
  }

  // Signed, of a node where the test wrote `output`.
  std::string golden(const std::string& output, const char* key = fakes::kExampleKey) {
    report::GoldenRecord record;
    record.reference = kApp;
    record.digest = index.digest.str();
    record.node = "ref-1";
    record.platform = "linux/amd64";
    record.time = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21);
    record.tests = {{"starts", 0, output, smoke_test_digest(image.smoke[0])}};
    dsse::Envelope envelope{std::string(report::kStatementType), report::to_statement(record), {}};
    EXPECT_TRUE(dsse::sign(envelope, PrivateKey::parse(key).value()));
    return dsse::to_json(envelope);
  }
  void write_golden(const std::string& content) {
    ASSERT_TRUE(write_file_atomically(image.golden.report, content));
  }

  ResolvedImage resolved() const {
    ResolvedImage resolved{.reference = Reference::parse(kApp).value(),
                           .index = index,
                           .index_bytes = {},
                           .manifest = manifest,
                           .manifest_bytes = {},
                           .document = {"", manifest, {}},
                           .config_bytes = {},
                           .config = {},
                           .available = {},
                           .choice = {},
                           .findings = {}};
    resolved.config.platform = {"linux", "arm64", "", "", {}};
    return resolved;
  }
  // Of an image whose test writes `output` here.
  static SmokeResult wrote(const std::string& output) {
    SmokeResult result;
    result.name = "starts";
    result.result = SmokeOutcome::passed;
    result.exit = 0;
    result.normalised_sha256 = output;
    return result;
  }
  void again(SmokeReport& smoke) {
    smoke.results = {wrote("11")};
    const ResolvedImage here = resolved();
    compare_with_golden_again({hub, image, image.smoke, here, "pi-17"}, smoke, {});
  }
  std::vector<Finding> findings(const std::string& output = "11") {
    SmokeReport smoke;
    smoke.results = {wrote(output)};
    const ResolvedImage here = resolved();
    compare_with_golden({hub, image, image.smoke, here, "pi-17"}, smoke, {});
    noted = smoke.results[0];
    return smoke.findings;
  }

  fakes::TempFolder folder;
  FakeHub hub;
  const Descriptor manifest = hub.push_image("r.example/team/app", {});
  const Descriptor index = hub.push_index(kApp, {manifest});
  RequiredImage image;
  SmokeResult noted;
};

auto is_only(std::string_view code, Severity severity) {
  return testing::ElementsAre(
      AllOf(Field(&Finding::code, std::string(code)), Field(&Finding::severity, severity)));
}

TEST_F(BesideTheReference, NothingIsSaidOfAnEqualOutput) {
  write_golden(golden("11"));
  EXPECT_THAT(findings("11"), IsEmpty());
  EXPECT_EQ(noted.test_sha256, smoke_test_digest(image.smoke[0]));
}

TEST_F(BesideTheReference, AnotherOutputFails) {
  write_golden(golden("11"));
  const auto found = findings("22");
  ASSERT_THAT(found, is_only(code::kOutputDiffers, Severity::fail));
  EXPECT_THAT(found[0].message, HasSubstr("ref-1"));
  EXPECT_THAT(found[0].evidence, HasSubstr("here (linux/arm64, node pi-17): exit 0, output 22"));
}

TEST_F(BesideTheReference, WhereNoneIsNamedNothingIsLookedFor) {
  image.golden = {};
  EXPECT_THAT(findings(), IsEmpty());
  EXPECT_FALSE(noted.test_sha256.empty());
}

TEST_F(BesideTheReference, AMissingOneIsOnlyTold) {
  EXPECT_THAT(findings(), is_only(code::kNoReference, Severity::info));
  image.golden.report = "registry";
  EXPECT_THAT(findings(), is_only(code::kNoReference, Severity::info));
}

TEST_F(BesideTheReference, OneThatCannotBeReadIsAWarning) {
  write_golden("no envelope");
  EXPECT_THAT(findings(), is_only(code::kNoReference, Severity::warn));
}

TEST_F(BesideTheReference, AnotherKeysIsNotTrusted) {
  write_golden(golden("22", fakes::kOtherKey));
  EXPECT_THAT(findings("11"), is_only(code::kReferenceNotTrusted, Severity::warn));
}

TEST_F(BesideTheReference, WithoutAUsableKeyNothingIsTrusted) {
  write_golden(golden("22"));
  image.golden.keys = {};
  EXPECT_THAT(findings("11"), is_only(code::kReferenceNotTrusted, Severity::warn));
  image.golden.keys = {"/nowhere/key.pem"};
  const auto found = findings("11");
  ASSERT_THAT(found, is_only(code::kReferenceNotTrusted, Severity::warn));
  EXPECT_THAT(found[0].message, HasSubstr("/nowhere/key.pem"));
  image.golden.keys = {key_file("hello")};
  EXPECT_THAT(findings("11"), is_only(code::kReferenceNotTrusted, Severity::warn));
}

TEST_F(BesideTheReference, TheRegistryHasIt) {
  image.golden.report = "registry";
  for (const bool api : {false, true}) {
    hub.lists_referrers = api;
    const auto pushed = report::push_golden(
        {hub, hub},
        {Reference::parse(kApp).value(), index.digest, golden("11"), "2026-11-21T00:00:00Z"}, {});
    ASSERT_TRUE(pushed) << pushed.error().message;
    EXPECT_THAT(findings("11"), IsEmpty());
    EXPECT_THAT(findings("22"), is_only(code::kOutputDiffers, Severity::fail));
  }
}

TEST_F(BesideTheReference, WhatIsComparedAgainReplacesOnlyTheFailure) {
  SmokeReport smoke;
  for (const char* evidence : {"the registry is asked again by the next check", "other"}) {
    smoke.findings.emplace_back().evidence = evidence;
  }
  EXPECT_TRUE(is_golden_awaited(smoke));
  write_golden(golden("22"));
  again(smoke);
  EXPECT_FALSE(is_golden_awaited(smoke));
  EXPECT_THAT(smoke.findings, testing::ElementsAre(Field(&Finding::evidence, "other"),
                                                   Field(&Finding::code, code::kOutputDiffers)));
}

TEST_F(BesideTheReference, AServicesLogIsNoResult) {
  image.smoke[0].service = ServiceCheck{.port = 80, .http_path = {}, .http_body = {}};
  findings("a log with times");
  EXPECT_EQ(noted.normalised_sha256, "");
}

TEST_F(BesideTheReference, AnotherFileOrKeyMakesAnotherProof) {
  EXPECT_EQ(golden_key({}), "");
  const std::string absent = golden_key(image.golden);
  write_golden("1");
  const std::string one = golden_key(image.golden);
  EXPECT_NE(one, absent);
  EXPECT_EQ(golden_key(image.golden), one);
  write_golden("2");
  EXPECT_NE(golden_key(image.golden), one);
  write_golden("1");
  key_file(fakes::kOtherPublicKey);
  EXPECT_NE(golden_key(image.golden), one);
}

// ---- as part of a cycle ----

class GoldenCycle : public testing::Test {
 protected:
  GoldenCycle() {
    rig.push("registry.test/app:1");
    rig.require("registry.test/app:1").golden.report = (folder.path() / "golden.json").string();
  }
  ImageReport run() { return rig.run().images.at(0); }
  fakes::TempFolder folder;
  CycleRig rig;
};

TEST_F(GoldenCycle, AnImageWithoutItsReferenceIsReadyAndSaysSoAgain) {
  for (int i = 0; i < 2; ++i) {
    const ImageReport report = run();
    EXPECT_EQ(report.verdict, Verdict::ready);
    EXPECT_THAT(report.findings, testing::Contains(Field(&Finding::code, "NoReference")));
    EXPECT_FALSE(report.smoke.at(0).test_sha256.empty());
  }
  EXPECT_EQ(rig.runtime.requests().size(), 1U)
      << "a proof holds while the reference is what it was";
}

// No test runs again for it.
TEST_F(GoldenCycle, ARegistryThatCouldNotBeAskedIsAskedAgainUntilItAnswers) {
  rig.config.settings.images[0].golden.report = "registry";
  const ImageReport first = run();
  const std::string list = "registry.test/app:sha256-" + first.index_digest.substr(7);
  rig.registry.fail_with(list, {Errc::unreachable, "connection refused", ""}, 2);
  rig.config.again = true;
  const auto missing = [](Severity severity) {
    return testing::Contains(
        AllOf(Field(&Finding::code, "NoReference"), Field(&Finding::severity, severity)));
  };
  EXPECT_THAT(run().findings, missing(Severity::warn));
  rig.config.again = false;
  const auto tests = rig.runtime.requests().size();
  EXPECT_THAT(run().findings, missing(Severity::warn));
  EXPECT_THAT(run().findings, missing(Severity::info)) << "it says now that there is none";
  const auto asked = rig.registry.requests(list);
  EXPECT_THAT(run().findings, missing(Severity::info));
  EXPECT_EQ(rig.registry.requests(list), asked) << "and is believed";
  EXPECT_EQ(rig.runtime.requests().size(), tests);
}

TEST_F(GoldenCycle, AnotherReferenceMakesTheTestsRunAgain) {
  run();
  ASSERT_TRUE(write_file_atomically(rig.config.settings.images[0].golden.report, "{}"));
  run();
  EXPECT_EQ(rig.runtime.requests().size(), 2U);
}

}  // namespace
}  // namespace nodeproof
