#include "agent/cycle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/codes.hpp"
#include "agent/report/verdict.hpp"
#include "agent/resolve/ledger.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kApp = "registry.test:5000/app:1";
const Error kGone{Errc::unreachable, "registry.test: connection refused", "start it"};

auto finding(std::string_view code, Severity severity) {
  return AllOf(Field(&Finding::code, std::string(code)), Field(&Finding::severity, severity));
}

class Cycle : public testing::Test {
 protected:
  CycleRig rig;

  // The registry's index that the record of the tag leads to, or the manifest.
  [[nodiscard]] std::string recorded(const std::string& name = kApp) const {
    const auto images = rig.store.images();
    const auto found = images.find(name);
    return found == images.end() ? "" : found->second.target.digest.str();
  }
};

TEST_F(Cycle, ProvesAGoodImageAndWritesItsRecordsAfterwards) {
  rig.push(kApp);
  rig.require(kApp);
  const NodeReport report = rig.run();
  ASSERT_EQ(report.images.size(), 1U);
  EXPECT_THAT(report.images[0].findings, IsEmpty());
  EXPECT_EQ(report.verdict, Verdict::ready) << report.message;
  EXPECT_EQ(report.images[0].platform, "linux/arm64");
  EXPECT_EQ(report::exit_code(report), 0);
  EXPECT_EQ(recorded(), report.images[0].index_digest);
  EXPECT_THAT(rig.store.lease_ids(), IsEmpty());
  EXPECT_EQ(rig.runtime.requests().size(), 1U);
}

TEST_F(Cycle, FetchesNothingTheSecondTime) {
  rig.push(kApp);
  rig.require(kApp);
  ASSERT_EQ(rig.run().verdict, Verdict::ready);
  const auto sent = rig.registry.blob_bytes_sent();
  const unsigned requests = rig.registry.requests();
  EXPECT_EQ(rig.run().verdict, Verdict::ready);
  EXPECT_EQ(rig.registry.blob_bytes_sent(), sent);
  EXPECT_EQ(rig.registry.requests(), requests + 1) << "the tag alone is asked for";
}

TEST_F(Cycle, StartsAProvenImageAgainOnlyWhenTheProofNoLongerHolds) {
  rig.push(kApp);
  RequiredImage& image = rig.require(kApp);
  const NodeReport first = rig.run();
  const NodeReport second = rig.run();
  EXPECT_EQ(rig.runtime.requests().size(), 1U);
  EXPECT_EQ(second.images[0].smoke, first.images[0].smoke);
  EXPECT_EQ(second.verdict, Verdict::ready);
  image.smoke[0].env = {"MODE=strict"};
  rig.run();
  EXPECT_EQ(rig.runtime.requests().size(), 2U) << "another test";
  ASSERT_TRUE(rig.store.remove_image(kApp));
  EXPECT_EQ(rig.run().verdict, Verdict::ready);
  EXPECT_EQ(rig.runtime.requests().size(), 3U) << "its record was gone";
  EXPECT_NE(recorded(), "");
  rig.config.again = true;
  rig.run();
  EXPECT_EQ(rig.runtime.requests().size(), 4U);
}

TEST_F(Cycle, RecallsNoProofOfAnImageThatFailedSince) {
  rig.push(kApp);
  rig.require(kApp);
  ASSERT_EQ(rig.run().verdict, Verdict::ready);
  rig.config.again = true;
  rig.tests_exit_with(3);
  ASSERT_EQ(rig.run().verdict, Verdict::not_ready);
  rig.config.again = false;
  EXPECT_EQ(rig.run().verdict, Verdict::not_ready);
}

TEST_F(Cycle, WritesNothingToContainerdWhileNothingChanges) {
  rig.push(kApp);
  rig.require(kApp);
  rig.run();
  rig.store.forget_log();
  EXPECT_EQ(rig.run().verdict, Verdict::ready);
  EXPECT_THAT(rig.store.log(), testing::Each(testing::StartsWith("read ")));
}

// As a power cut leaves it.
TEST_F(Cycle, ADocumentDamagedInContainerdIsNotReadyWhateverTheRegistryHas) {
  rig.push(kApp);
  rig.require(kApp);
  const NodeReport proven = rig.run();
  ASSERT_EQ(proven.verdict, Verdict::ready);
  const Digest manifest = *Digest::parse(proven.images[0].manifest_digest);
  for (const char* bytes : {"", "not a manifest"}) {
    rig.store.replace_bytes(manifest, bytes);
    rig.config.again = true;
    const NodeReport report = rig.run();
    EXPECT_EQ(report.verdict, Verdict::not_ready) << bytes;
    EXPECT_THAT(report.images[0].findings,
                Contains(finding(code::kContentCorrupt, Severity::fail)));
  }
}

TEST_F(Cycle, PinsWhatIsProvenUntilADayAfterItIsRequiredNoMore) {
  constexpr const char* kPin = "io.cri-containerd.pinned";
  rig.push(kApp);
  rig.require(kApp);
  const auto is_pinned = [&] { return rig.store.images().at(kApp).labels.contains(kPin); };
  ASSERT_EQ(rig.run().verdict, Verdict::ready);
  EXPECT_TRUE(is_pinned());
  rig.push("registry.test:5000/other:1", "2");
  rig.config.settings.images.clear();
  rig.require("registry.test:5000/other:1");
  rig.run();
  EXPECT_TRUE(is_pinned());
  rig.clock.advance(std::chrono::hours(24));
  rig.run();
  EXPECT_FALSE(is_pinned());
}

// check --from: a stick that lacks an image says nothing about the registry's tag.
TEST_F(Cycle, WhatLocalSourcesLackIsNoWordOfTheRegistry) {
  rig.push(kApp);
  rig.require(kApp);
  ASSERT_EQ(rig.run().verdict, Verdict::ready);
  rig.registry.fail_with(kApp, {Errc::not_found, "not on the stick", ""});
  rig.config.registry_asked = false;
  const NodeReport report = rig.run();
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_EQ(report.images[0].freshness, Freshness::unreachable);
  const resolve::Ledger ledger(rig.config.state_dir / "ledger");
  EXPECT_EQ(ledger.find(kApp)->word, resolve::RegistryWord{});
}

TEST_F(Cycle, PinsNothingThatWasOnlyAskedAbout) {
  rig.push(kApp);
  rig.require(kApp);
  rig.config.ad_hoc = rig.config.keep = true;
  ASSERT_EQ(rig.run().verdict, Verdict::ready);
  EXPECT_FALSE(rig.store.images().at(kApp).labels.contains("io.cri-containerd.pinned"));
}

TEST_F(Cycle, SaysThatPinsCannotBeKeptAndStaysReady) {
  rig.push(kApp);
  rig.require(kApp);
  ASSERT_EQ(rig.run().verdict, Verdict::ready);
  rig.store.fail_with("look for images", {Errc::runtime_unavailable, "gone", ""});
  const NodeReport report = rig.run();
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_THAT(report.findings, testing::Contains(testing::Field(&Finding::subject, "pins")));
}

TEST_F(Cycle, KeepsAProvenImageReadyWhileTheRegistryIsGone) {
  rig.push(kApp);
  rig.require(kApp);
  ASSERT_EQ(rig.run().verdict, Verdict::ready);
  rig.registry.fail_with(kApp, kGone);
  const NodeReport report = rig.run();
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_EQ(report.images[0].freshness, Freshness::unreachable);
  EXPECT_THAT(report.images[0].findings,
              Contains(finding(code::kRegistryUnreachable, Severity::warn)));
}

TEST_F(Cycle, KeepsAProvenImageReadyWhileContainerdDoesNotSayWhetherItIsThere) {
  rig.push(kApp);
  rig.require(kApp);
  ASSERT_EQ(rig.run().verdict, Verdict::ready);
  rig.store.fail_with(std::string("look ") + kApp, {Errc::timeout, "no answer in time", ""});
  const NodeReport report = rig.run();
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_EQ(report.freshness, Freshness::stale);
  EXPECT_THAT(report.images[0].findings, Contains(finding(code::kPullFailed, Severity::warn)));
}

TEST_F(Cycle, SaysThatAProvenImageIsGoneToo) {
  rig.push(kApp);
  rig.require(kApp);
  ASSERT_EQ(rig.run().verdict, Verdict::ready);
  rig.registry.fail_with(kApp, kGone);
  for (const auto& [name, record] : rig.store.images()) ASSERT_TRUE(rig.store.remove_image(name));
  rig.store.collect_garbage();
  const NodeReport report = rig.run();
  EXPECT_EQ(report.verdict, Verdict::unknown);
  EXPECT_THAT(report.images[0].findings,
              Contains(finding(code::kInspectionIncomplete, Severity::unknown)));
}

TEST_F(Cycle, DoesNotKnowAnImageThatWasNeverProvenWhileTheRegistryIsGone) {
  rig.push(kApp);
  rig.require(kApp);
  rig.registry.fail_with(kApp, kGone);
  const NodeReport report = rig.run();
  EXPECT_EQ(report.verdict, Verdict::unknown);
  EXPECT_EQ(report::exit_code(report), 2);
  EXPECT_EQ(report.reason, code::kRegistryUnreachable);
}

TEST_F(Cycle, NamesWhatExistsWhenTheIndexLacksThisPlatform) {
  rig.push_for(kApp, "amd64");
  rig.require(kApp);
  const NodeReport report = rig.run();
  EXPECT_EQ(report.verdict, Verdict::not_ready);
  ASSERT_THAT(report.images[0].findings, Contains(finding(code::kPlatformMissing, Severity::fail)));
  EXPECT_THAT(report.images[0].findings[0].message, HasSubstr("linux/amd64"));
  EXPECT_EQ(recorded(), "");
}

TEST_F(Cycle, GivesNoNameToAnImageThatFailsItsTestAndKeepsItsBytes) {
  rig.push(kApp);
  rig.require(kApp);
  rig.tests_exit_with(3);
  const NodeReport report = rig.run();
  EXPECT_EQ(report.verdict, Verdict::not_ready);
  EXPECT_THAT(report.images[0].findings, Contains(finding(code::kSmokeFailed, Severity::fail)));
  EXPECT_THAT(rig.store.images(), IsEmpty());
  EXPECT_THAT(rig.store.lease_ids(), Not(IsEmpty()));
}

TEST_F(Cycle, OneBadReferenceCostsOneImage) {
  rig.push(kApp);
  rig.require("registry.test:5000/Upper:1");
  rig.require(kApp);
  const NodeReport report = rig.run();
  EXPECT_EQ(report.verdict, Verdict::not_ready);
  EXPECT_THAT(report.images[0].findings,
              Contains(finding(code::kInvalidReference, Severity::fail)));
  EXPECT_EQ(report.images[1].verdict, Verdict::ready);
}

TEST_F(Cycle, NothingRequiredIsUnknown) {
  const NodeReport report = rig.run();
  EXPECT_EQ(report.verdict, Verdict::unknown);
  EXPECT_EQ(report.reason, code::kNothingRequired);
}

TEST_F(Cycle, LeavesOutImagesForOtherHosts) {
  rig.push(kApp);
  rig.require(kApp);
  rig.require("registry.test:5000/gpu:1").when.architecture = "amd64";
  EXPECT_EQ(rig.run().images.size(), 1U);
}

TEST_F(Cycle, GivesBackWhatNoImageNeedsAnyMore) {
  rig.push(kApp);
  rig.require(kApp);
  rig.tests_exit_with(3);
  ASSERT_EQ(rig.run().verdict, Verdict::not_ready);
  ASSERT_THAT(rig.store.lease_ids(), testing::SizeIs(1));
  rig.config.settings.images.clear();
  rig.run();
  EXPECT_THAT(rig.store.lease_ids(), IsEmpty());
}

TEST_F(Cycle, LeftoversThatDoNotGoTakeNothingFromWhatIsProven) {
  rig.push(kApp);
  rig.require(kApp);
  rig.runtime.fail_to_sweep({Errc::io, "task nodeproof-x: device busy", ""});
  const NodeReport report = rig.run();
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_THAT(report.findings, Contains(finding(code::kSmokeLeftovers, Severity::warn)));
}

TEST_F(Cycle, SaysWhyAnImageOfWhichNothingRanIsUnknown) {
  rig.push(kApp);
  rig.require(kApp).smoke.clear();
  rig.tests_exit_with(0, false);
  rig.config.settings.require_smoke = true;
  const NodeReport report = rig.run();
  EXPECT_EQ(report.verdict, Verdict::unknown);
  EXPECT_THAT(report.images[0].findings, Contains(finding(code::kNotExecuted, Severity::unknown)));
}

TEST_F(Cycle, AnAdHocCheckPinsNothingAndGivesBackWhatItBrought) {
  rig.push(kApp);
  rig.require(kApp);
  rig.config.ad_hoc = true;
  EXPECT_EQ(rig.run().verdict, Verdict::ready);
  EXPECT_THAT(rig.store.images(), IsEmpty());
  EXPECT_THAT(rig.store.lease_ids(), IsEmpty());
}

TEST_F(Cycle, StopsWithTheRestUnknown) {
  rig.push(kApp);
  rig.require(kApp);
  std::stop_source source;
  source.request_stop();
  const NodeReport report = rig.run(source.get_token());
  EXPECT_EQ(report.verdict, Verdict::unknown);
  EXPECT_THAT(report.images[0].findings, Contains(finding(code::kInterrupted, Severity::unknown)));
}

class MovedTag : public Cycle {
 protected:
  void SetUp() override {
    proven_ = rig.push(kApp, "1").digest.str();
    rig.require(kApp);
    ASSERT_EQ(rig.run().verdict, Verdict::ready);
    moved_ = rig.push(kApp, "2").digest.str();
  }
  NodeReport run(OnTagMoved policy) {
    rig.config.settings.images[0].on_tag_moved = policy;
    return rig.run();
  }
  std::string proven_, moved_;
};

TEST_F(MovedTag, IsReportedAndTheProvenImageStays) {
  const NodeReport report = run(OnTagMoved::report);
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_EQ(report.images[0].index_digest, proven_);
  EXPECT_EQ(report.images[0].freshness, Freshness::stale);
  EXPECT_THAT(report.images[0].findings, Contains(finding(code::kTagMoved, Severity::warn)));
  EXPECT_EQ(recorded(), proven_);
}

TEST_F(MovedTag, IsFollowedOnceTheNewImageIsProven) {
  const NodeReport report = run(OnTagMoved::follow);
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_EQ(report.images[0].index_digest, moved_);
  EXPECT_EQ(recorded(), moved_);
}

TEST_F(MovedTag, ANewIndexAroundTheProvenManifestIsFollowedWithoutAStart) {
  rig.push_for(kApp, "arm64");
  const NodeReport first = run(OnTagMoved::follow);
  const std::string entry = first.images[0].manifest_digest;
  rig.push(kApp, "1");  // amd64 is there again
  const auto starts = rig.runtime.requests().size();
  const NodeReport report = run(OnTagMoved::follow);
  EXPECT_EQ(report.images[0].manifest_digest, entry);
  EXPECT_NE(report.images[0].index_digest, first.images[0].index_digest);
  EXPECT_EQ(recorded(), report.images[0].index_digest);
  EXPECT_EQ(report.images[0].freshness, Freshness::current);
  EXPECT_EQ(rig.runtime.requests().size(), starts);
  const resolve::Ledger ledger(rig.config.state_dir / "ledger");
  EXPECT_EQ(ledger.find(kApp)->index->digest.str(), report.images[0].index_digest);
}

TEST_F(MovedTag, IsNotFollowedToAnImageThatFails) {
  rig.push_for(kApp, "amd64");
  const NodeReport report = run(OnTagMoved::follow);
  EXPECT_EQ(report.verdict, Verdict::ready) << "what is on this disk is still proven";
  EXPECT_EQ(report.images[0].index_digest, proven_);
  EXPECT_EQ(recorded(), proven_);
}

TEST_F(MovedTag, IsProvenForInformationOnly) {
  const NodeReport report = run(OnTagMoved::prove);
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_EQ(report.images[0].index_digest, proven_);
  EXPECT_EQ(recorded(), proven_);
  EXPECT_THAT(report.images[0].findings,
              Contains(Field(&Finding::message, HasSubstr("the new one would be ready"))));
}

}  // namespace
}  // namespace nodeproof
