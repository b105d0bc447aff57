#include <algorithm>

#include "agent/codes.hpp"
#include "common/crypto.hpp"
#include "tests/fakes/fake_registry.hpp"
#include "tests/unit/index/merge_tag.hpp"

namespace nodeproof::index {
namespace {

TEST_F(Merge, PutsTheNewPlatformInAndKeepsTheOther) {
  const Descriptor staged = stage();
  const ChangeReport report = run(request({kStaging}));
  EXPECT_EQ(report.outcome, Outcome::done);
  EXPECT_EQ(report.before, index.digest.str());
  EXPECT_EQ(hub.tagged(kTag), report.after);
  EXPECT_EQ(platforms(report, Change::replaced), std::vector<std::string>{"linux/amd64"});
  EXPECT_EQ(platforms(report, Change::kept), std::vector<std::string>{"linux/arm64"});
  const std::string bytes = hub.bytes(kRepository, *Digest::parse(report.after));
  EXPECT_NE(bytes.find(staged.digest.str()), std::string::npos);
  EXPECT_NE(bytes.find(old_arm64.digest.str()), std::string::npos);
}

TEST_F(Merge, PushesWhatTheTagNeedsBeforeTheTag) {
  const Descriptor staged = stage("r.example/ci/build");
  const ChangeReport report = run(request({"r.example/ci/build:staging"}));
  const std::vector<std::string> writes = hub.writes();
  ASSERT_EQ(writes.size(), 5U);
  EXPECT_TRUE(writes[0].starts_with("mount r.example/team/app ")) << writes[0];
  EXPECT_TRUE(writes[1].starts_with("mount r.example/team/app ")) << writes[1];
  EXPECT_EQ(writes[2], "put r.example/team/app@" + staged.digest.str());
  EXPECT_EQ(writes[3], "put r.example/team/app@" + report.after);
  EXPECT_EQ(writes[4], "put r.example/team/app:1");
}

TEST_F(Merge, CopiesBlobsBetweenRegistries) {
  stage("other.example/ci/build");
  const ChangeReport report = run(request({"other.example/ci/build:staging"}));
  EXPECT_EQ(report.outcome, Outcome::done);
  EXPECT_TRUE(hub.writes()[0].starts_with("upload r.example/team/app "));
  EXPECT_NE(report.steps[0].find("2 uploaded"), std::string::npos) << report.steps[0];
}

TEST_F(Merge, TheSameAgainWritesNothing) {
  stage();
  const ChangeReport first = run(request({kStaging}));
  const std::size_t writes = hub.writes().size();
  const ChangeReport second = run(request({kStaging}));
  EXPECT_EQ(second.outcome, Outcome::unchanged);
  EXPECT_EQ(second.after, first.after);
  EXPECT_EQ(hub.writes().size(), writes);
  EXPECT_EQ(exit_code(second), 0);
}

TEST_F(Merge, ADryRunWritesNothing) {
  stage("r.example/ci/build");
  MergeRequest wanted = request({"r.example/ci/build:staging"});
  wanted.dry_run = true;
  wanted.delete_sources = true;
  const ChangeReport report = run(wanted);
  EXPECT_EQ(report.outcome, Outcome::would_do);
  EXPECT_EQ(platforms(report, Change::replaced), std::vector<std::string>{"linux/amd64"});
  EXPECT_TRUE(hub.writes().empty());
}

TEST_F(Merge, ADamagedSourceMovesNothing) {
  const Descriptor staged = stage();
  hub.remove_object(kRepository, hash_of(as_bytes("new amd64")));
  const ChangeReport report = run(request({kStaging}));
  expect_refused(report, code::kIndexDamaged, "linux/amd64");
  EXPECT_NE(report.findings[0].message.find(staged.digest.str()), std::string::npos);
  EXPECT_NE(report.findings[0].message.find(kStaging), std::string::npos);
  EXPECT_TRUE(hub.writes().empty());
}

TEST_F(Merge, ADamagedSourceOfWhichNothingIsTakenDoesNotMatter) {
  const Descriptor amd64 = hub.push_image(kRepository, image("amd64", "new"));
  const Descriptor arm64 = hub.push_image(kRepository, image("arm64", "new"));
  hub.push_index(kStaging, {amd64, arm64});
  hub.remove_object(kRepository, arm64.digest);
  MergeRequest wanted = request({kStaging});
  expect_refused(run(wanted), code::kIndexDamaged, "linux/arm64");
  wanted.compose.drop = {*parse_platform("linux/arm64")};
  EXPECT_EQ(run(wanted).outcome, Outcome::done);
}

TEST_F(Merge, WhatTheTagHasLostIsNotKeptSilently) {
  stage();
  hub.remove_object(kRepository, old_arm64.digest);
  const ChangeReport report = run(request({kStaging}));
  expect_refused(report, code::kIndexDamaged, "linux/arm64");
  EXPECT_NE(report.findings[0].remedy.find("--drop linux/arm64"), std::string::npos);
}

TEST_F(Merge, AHoleIsMendedBySourceForIt) {
  hub.remove_object(kRepository, old_arm64.digest);
  hub.tag(kStaging, hub.push_image(kRepository, image("arm64", "new")));
  EXPECT_EQ(run(request({kStaging})).outcome, Outcome::done);
}

TEST_F(Merge, WhatCannotBeAskedIsNotKnown) {
  stage();
  hub.blob_fault = Error{Errc::throttled, "too many requests", "wait"};
  const ChangeReport report = run(request({kStaging}));
  EXPECT_EQ(report.outcome, Outcome::unknown);
  EXPECT_EQ(exit_code(report), 2);
  EXPECT_TRUE(hub.writes().empty());
}

TEST_F(Merge, SendsNobodyToOverwriteATagThatCannotBeAskedFor) {
  const auto remedy_of = [&](Error error) {
    FakeRegistry registry;
    registry.fail_with(kTag, std::move(error));
    const auto report = merge({registry, hub}, request({kStaging}), {});
    EXPECT_FALSE(report);
    return report ? "" : report.error().remedy;
  };
  EXPECT_EQ(remedy_of({Errc::unauthorized, "401", "check the login"}), "check the login");
  EXPECT_EQ(remedy_of({Errc::server_error, "500", ""}).find("restore"), std::string::npos);
  EXPECT_NE(remedy_of({Errc::corrupt, "unreadable", "push it again"}).find("restore it first"),
            std::string::npos);
}

TEST_F(Merge, ASourceThatIsNotThereIsNoDamage) {
  const auto report = merge({hub, hub}, request({"r.example/team/app:typo"}), {});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::usage);
}

TEST_F(Merge, ATagThatMovesMeanwhileIsLeftAlone) {
  stage();
  const Descriptor theirs = hub.push_image(kRepository, image("amd64", "theirs"));
  hub.before_write = [&](const std::string& write) {
    if (write.starts_with("put r.example/team/app@")) hub.tag(kTag, theirs);
  };
  const ChangeReport report = run(request({kStaging}));
  EXPECT_EQ(report.outcome, Outcome::refused);
  EXPECT_FALSE(report.moved);
  ASSERT_FALSE(report.findings.empty());
  EXPECT_EQ(report.findings.back().code, code::kTagMoved);
  EXPECT_NE(report.findings.back().message.find(theirs.digest.short_str()), std::string::npos);
  EXPECT_EQ(hub.tagged(kTag), theirs.digest.str());
}

TEST_F(Merge, ATagThatAppearsMeanwhileIsLeftAlone) {
  stage();
  MergeRequest wanted = request({kStaging});
  wanted.target = reference("r.example/team/app:2");
  hub.before_write = [&](const std::string&) { hub.tag("r.example/team/app:2", index); };
  EXPECT_EQ(run(wanted).findings.back().code, code::kTagMoved);
  EXPECT_EQ(hub.tagged("r.example/team/app:2"), index.digest.str());
}

TEST_F(Merge, SaysWhenSomebodyElseWinsTheRace) {
  stage();
  const Descriptor theirs = hub.push_image(kRepository, image("amd64", "theirs"));
  hub.after_put = [&](const std::string& write) {
    if (write == std::string("put ") + kTag) hub.tag(kTag, theirs);
  };
  const ChangeReport report = run(request({kStaging}));
  EXPECT_EQ(report.outcome, Outcome::refused);
  EXPECT_TRUE(report.moved);
  ASSERT_FALSE(report.findings.empty());
  EXPECT_EQ(report.findings.back().code, code::kTagMoved);
}

TEST_F(Merge, ARegistryThatLosesWhatItTookDoesNotGetTheTag) {
  stage();
  hub.after_put = [&](const std::string& write) {
    if (write.starts_with("put r.example/team/app@")) {
      hub.remove_object(kRepository, old_arm64.digest);
    }
  };
  const ChangeReport report = run(request({kStaging}));
  expect_refused(report, code::kIndexDamaged, "linux/arm64");
  EXPECT_FALSE(report.moved);
}

TEST_F(Merge, ALostAttestationIsLeftOutWithAWarning) {
  Descriptor attestation = hub.push_image(kRepository, image("unknown", "attestation"));
  attestation.platform = Platform{"unknown", "unknown", "", "", {}};
  attestation.annotations = {{"vnd.docker.reference.type", "attestation-manifest"},
                             {"vnd.docker.reference.digest", old_arm64.digest.str()}};
  hub.push_index(kTag, {old_amd64, old_arm64, attestation});
  stage();
  hub.remove_object(kRepository, attestation.digest);
  const ChangeReport report = run(request({kStaging}));
  EXPECT_EQ(report.outcome, Outcome::done);
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].severity, Severity::warn);
  EXPECT_EQ(hub.bytes(kRepository, *Digest::parse(report.after)).find(attestation.digest.str()),
            std::string::npos);
}

TEST_F(Merge, AStagingTagStaysWhereTheRegistryDeletesByDigest) {
  const Descriptor staged = stage();
  MergeRequest wanted = request({kStaging});
  wanted.delete_sources = true;
  const ChangeReport report = run(wanted);
  EXPECT_EQ(report.outcome, Outcome::done);
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].code, code::kTagNotDeletable);
  EXPECT_EQ(report.findings[0].severity, Severity::warn);
  EXPECT_EQ(hub.tagged(kStaging), staged.digest.str());
  const auto writes = hub.writes();
  EXPECT_TRUE(
      std::ranges::none_of(writes, [](const std::string& w) { return w.starts_with("delete"); }));
}

TEST_F(Merge, AStagingTagIsDeletedWhereTheRegistryHasShownThatItCan) {
  const Descriptor staged = stage();
  hub.deletes_tags = true;
  MergeRequest wanted = request({kStaging});
  wanted.delete_sources = true;
  const ChangeReport report = run(wanted);
  EXPECT_EQ(report.outcome, Outcome::done);
  EXPECT_TRUE(report.findings.empty());
  EXPECT_EQ(hub.tagged(kStaging), "");
  EXPECT_FALSE(hub.bytes(kRepository, staged.digest).empty());
  const auto writes = hub.writes();
  EXPECT_EQ(writes.back(), std::string("delete ") + kStaging);
  // What showed it has gone again.
  const auto puts = std::ranges::count_if(
      writes, [](const std::string& w) { return w.find("nodeproof-probe-") != std::string::npos; });
  EXPECT_EQ(puts, 2);  // made and deleted
  EXPECT_TRUE(writes[writes.size() - 2].starts_with("delete r.example/team/app@"))
      << writes[writes.size() - 2];
}

TEST_F(Merge, AStagingTagStaysWhereTheManifestWouldGoWithIt) {
  const Descriptor staged = stage();
  hub.deletes_tags = true;
  hub.loses_untagged = true;
  MergeRequest wanted = request({kStaging});
  wanted.delete_sources = true;
  const ChangeReport report = run(wanted);
  EXPECT_EQ(report.outcome, Outcome::done);
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_NE(report.findings[0].evidence.find("manifest too"), std::string::npos);
  EXPECT_EQ(hub.tagged(kStaging), staged.digest.str());
}

TEST_F(Merge, AStagingTagThatWasPushedMeanwhileIsNotDeleted) {
  stage();
  hub.deletes_tags = true;
  MergeRequest wanted = request({kStaging});
  wanted.delete_sources = true;
  const Descriptor newer = hub.push_image(kRepository, image("amd64", "newer"));
  hub.after_put = [&](const std::string& write) {
    if (write == std::string("put ") + kTag) hub.tag(kStaging, newer);
  };
  EXPECT_EQ(run(wanted).outcome, Outcome::done);
  EXPECT_EQ(hub.tagged(kStaging), newer.digest.str());
}

TEST_F(Merge, ASourceWithoutAnImageIsRefused) {
  hub.push_index(kStaging, {});
  expect_refused(run(request({kStaging})), code::kPlatformMissing, kStaging);
  EXPECT_TRUE(hub.writes().empty());
}

TEST_F(Merge, AHoleInANestedIndexIsSeenBeforeAnythingIsWritten) {
  const Descriptor inside = hub.push_image(kRepository, image("riscv64", "inside"));
  const Descriptor nested = hub.push_index("r.example/team/app:nested", {inside});
  hub.push_index(kStaging, {nested});
  ChangeReport report = run(request({kStaging}));
  EXPECT_EQ(report.outcome, Outcome::done);
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].code, code::kPlatformAmbiguous);
  EXPECT_EQ(report.findings[0].severity, Severity::warn);
  hub.push_index(kTag, {old_amd64, old_arm64});
  hub.remove_object(kRepository, inside.digest);
  const std::size_t writes = hub.writes().size();
  report = run(request({kStaging}));
  EXPECT_EQ(report.outcome, Outcome::refused);
  EXPECT_EQ(hub.writes().size(), writes);
}

TEST_F(Merge, WhatIsAttachedToACopiedImageIsSaidToStay) {
  const Descriptor staged = stage("r.example/ci/build");
  MergeRequest wanted = request({"r.example/ci/build:staging"});
  hub.tag("r.example/ci/build:sha256-" + std::string(staged.digest.hex()) + ".sig", staged);
  const ChangeReport report = run(wanted);
  EXPECT_EQ(report.outcome, Outcome::done);
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].code, code::kReferrersNotCopied);
  EXPECT_EQ(report.findings[0].severity, Severity::info);
  EXPECT_TRUE(report.findings[0].evidence.ends_with(".sig"));
  EXPECT_EQ(exit_code(report), 0);
}

TEST_F(Merge, ALayerThatAnImageHasTwiceIsCopiedOnce) {
  FakeImage twice = image("amd64", "twice");
  twice.layers.push_back(twice.layers[0]);
  hub.tag("other.example/ci/build:staging", hub.push_image("other.example/ci/build", twice));
  const ChangeReport report = run(request({"other.example/ci/build:staging"}));
  EXPECT_EQ(report.outcome, Outcome::done);
  EXPECT_NE(report.steps[0].find("2 uploaded"), std::string::npos) << report.steps[0];
}

TEST_F(Merge, ABlobThatCannotBeCopiedStopsBeforeTheManifest) {
  stage("other.example/ci/build");
  hub.before_write = [&](const std::string& write) {
    if (write.starts_with("upload")) hub.blob_fault = Error{Errc::unreachable, "gone", "wait"};
  };
  const auto report = merge({hub, hub}, request({"other.example/ci/build:staging"}), {});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::unreachable);
  const auto writes = hub.writes();
  EXPECT_TRUE(
      std::ranges::none_of(writes, [](const std::string& w) { return w.starts_with("put"); }));
}

TEST_F(Merge, KeepsThePreviousIndexUnderATagOfItsOwn) {
  stage();
  MergeRequest wanted = request({kStaging});
  wanted.keep_previous = true;
  EXPECT_EQ(run(wanted).outcome, Outcome::done);
  const std::string kept =
      kTag + std::string("-prev-") + std::string(index.digest.hex().substr(0, 12));
  EXPECT_EQ(hub.tagged(kept), index.digest.str());
  const auto writes = hub.writes();
  EXPECT_EQ(writes[writes.size() - 2], "put " + kept);
}

TEST_F(Merge, ImagesWithoutARevisionAreNotOfOneRevision) {
  stage();
  MergeRequest wanted = request({kStaging});
  wanted.require_same_revision = true;
  expect_refused(run(wanted), code::kRevisionsDiffer, "");
  EXPECT_TRUE(hub.writes().empty());
}

TEST_F(Merge, StopsWhenItIsToldTo) {
  stage();
  std::stop_source stop;
  stop.request_stop();
  const auto report = merge({hub, hub}, request({kStaging}), stop.get_token());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::cancelled);
}

// ---- attestations, as buildx makes them ----

}  // namespace
}  // namespace nodeproof::index
