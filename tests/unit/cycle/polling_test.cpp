#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "agent/codes.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

using std::chrono::hours;
using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kApp = "registry.test:5000/app:1";
const std::string kHead = std::string("HEAD ") + kApp;
constexpr hours kPeriod{6};

auto finding(std::string_view code, Severity severity) {
  return AllOf(Field(&Finding::code, std::string(code)), Field(&Finding::severity, severity));
}

// A node whose daemon has proven its image.
class PollingTest : public testing::Test {
 protected:
  void SetUp() override {
    index_ = rig.push(kApp);
    rig.require(kApp);
    rig.config.polling = Polling::when_due;
    first_ = rig.run();
    ASSERT_EQ(first_.verdict, Verdict::ready);
    asked_ = rig.registry.requests();
  }
  // Questions since the last call.
  unsigned asked() {
    const unsigned before = std::exchange(asked_, rig.registry.requests());
    return asked_ - before;
  }
  ImageReport cycle() {
    NodeReport report = rig.run();
    return report.images.at(0);
  }
  // One that is due.
  ImageReport later() {
    rig.clock.advance(kPeriod);
    return cycle();
  }

  CycleRig rig;
  std::optional<Descriptor> index_;
  NodeReport first_;
  unsigned asked_ = 0;
};

TEST_F(PollingTest, AsksNothingWhileTheTagIsNotDue) {
  const ImageReport again = cycle();
  EXPECT_EQ(asked(), 0U);
  EXPECT_EQ(again, [&] {
    ImageReport same = first_.images[0];
    same.pull = again.pull;
    return same;
  }()) << "what was proven is told in the same words";
}

TEST_F(PollingTest, IsOneHeadPerPeriodWhileNothingChanges) {
  for (unsigned period = 1; period <= 3; ++period) {
    EXPECT_EQ(later().freshness, Freshness::current);
    cycle();
    cycle();
    EXPECT_EQ(asked(), 1U);
    EXPECT_EQ(rig.registry.requests(kHead), period);
  }
}

TEST_F(PollingTest, APersonWhoAsksIsToldWhatIsTrueNow) {
  rig.config.polling = Polling::always;
  cycle();
  EXPECT_EQ(asked(), 1U);
  rig.config.polling = Polling::when_due;
  EXPECT_EQ((cycle(), asked()), 0U);
}

TEST_F(PollingTest, ADigestIsNeverAskedForOnceItIsProven) {
  const std::string name = "registry.test:5000/app@" + index_->digest.str();
  rig.require(name);
  ASSERT_EQ(rig.run().verdict, Verdict::ready);
  asked();
  rig.config.polling = Polling::always;
  rig.config.settings.images.erase(rig.config.settings.images.begin());
  rig.clock.advance(kPeriod);
  EXPECT_EQ(cycle().verdict, Verdict::ready);
  EXPECT_EQ(asked(), 0U);
}

TEST_F(PollingTest, ARegistryThatDoesNotSayTheDigestIsAskedForTheDocument) {
  rig.registry.says_digests = false;
  EXPECT_EQ(later().freshness, Freshness::current);
  EXPECT_EQ(asked(), 2U) << "HEAD, GET of the index; the rest is here";
}

TEST_F(PollingTest, AMovedTagIsTalkedOfUntilTheNextAnswer) {
  rig.push(kApp, "2");
  EXPECT_THAT(later().findings, Contains(finding(code::kTagMoved, Severity::warn)));
  asked();
  const ImageReport meanwhile = cycle();
  EXPECT_EQ(asked(), 0U);
  EXPECT_EQ(meanwhile.freshness, Freshness::stale);
  EXPECT_THAT(meanwhile.findings, Contains(finding(code::kTagMoved, Severity::warn)));
  rig.registry.tag(kApp, *index_);
  const ImageReport back = later();
  EXPECT_EQ(back.freshness, Freshness::current);
  EXPECT_THAT(back.findings, IsEmpty());
  EXPECT_THAT(cycle().findings, IsEmpty());
}

TEST_F(PollingTest, AMovedTagIsFollowedAsSoonAsThatIsWanted) {
  const Descriptor next = rig.push(kApp, "2");
  later();
  rig.config.settings.images[0].on_tag_moved = OnTagMoved::follow;
  EXPECT_EQ(cycle().index_digest, next.digest.str());
}

TEST_F(PollingTest, ASuccessorThatCouldNotBeJudgedIsTriedAgainInTheNextCycle) {
  rig.config.settings.images[0].on_tag_moved = OnTagMoved::follow;
  cycle();
  const Descriptor next = rig.push(kApp, "2");
  rig.store.fail_with("sync", {Errc::runtime_unavailable, "containerd went away", ""}, 1);
  EXPECT_EQ(later().index_digest, index_->digest.str());
  EXPECT_EQ(cycle().index_digest, next.digest.str());
}

TEST_F(PollingTest, AnOutageIsToldAndTheNextCycleAsksAgain) {
  rig.registry.fail_with(kApp, {Errc::unreachable, "connection refused", ""});
  for (int i = 0; i < 2; ++i) {
    const ImageReport report = i == 0 ? later() : cycle();
    EXPECT_EQ(asked(), 1U);
    EXPECT_EQ(report.verdict, Verdict::ready);
    EXPECT_EQ(report.freshness, Freshness::unreachable);
    EXPECT_THAT(report.findings, Contains(finding(code::kRegistryUnreachable, Severity::warn)));
  }
  rig.registry.fail_with(kApp, {Errc::unreachable, "", ""}, 0);
  EXPECT_EQ(cycle().freshness, Freshness::current);
}

TEST_F(PollingTest, PausesBelowAFifthOfTheRateLimitAndSaysSo) {
  rig.registry.says_limit = RateLimit{100, 19, hours(8)};
  later();
  EXPECT_EQ(asked(), 1U);
  const ImageReport paused = later();
  EXPECT_EQ(asked(), 0U);
  EXPECT_EQ(paused.verdict, Verdict::ready);
  EXPECT_EQ(paused.rate_limit, rig.registry.says_limit);
  ASSERT_THAT(paused.findings, Contains(finding(code::kPollingPaused, Severity::info)));
  EXPECT_THAT(paused.findings[0].message, HasSubstr("19 of 100 requests left"));
  rig.registry.says_limit = RateLimit{100, 20, hours(8)};
  EXPECT_EQ((later(), asked()), 1U) << "the window has passed";
  EXPECT_EQ((later(), asked()), 1U) << "a fifth is enough";
}

TEST_F(PollingTest, ARegistryThatAnswers429IsLeftAlone) {
  rig.registry.fail_with(kApp, {Errc::throttled, "too many requests", ""});
  EXPECT_THAT(later().findings, Contains(finding(code::kRegistryThrottled, Severity::warn)));
  asked();
  EXPECT_THAT(cycle().findings, Contains(finding(code::kPollingPaused, Severity::info)));
  EXPECT_EQ(asked(), 0U);
}

TEST_F(PollingTest, AnotherContainerdMakesTheChoiceAgainFromTheSameIndexWithoutAQuestion) {
  rig.runtime.set_facts(ContainerdFacts{.socket = "/run/containerd/containerd.sock",
                                        .version = "2.1.4",
                                        .namespace_ = "k8s.io",
                                        .snapshotter = "overlayfs",
                                        .cri = true,
                                        .systemd_cgroup = false});
  const ImageReport report = cycle();
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_EQ(asked(), 0U);
  EXPECT_THAT(report.choice, Not(HasSubstr("read again")));
}

// ---- damaged tags ----
TEST_F(PollingTest, AnIndexThatLostThisPlatformLeavesTheNodeReadyAndSaysWhatStillPulls) {
  rig.push_for(kApp, "amd64");
  const ImageReport report = later();
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_EQ(report.freshness, Freshness::stale);
  EXPECT_EQ(report.index_digest, index_->digest.str());
  const Finding& warning = report.findings.back();
  EXPECT_THAT(warning, finding(code::kPlatformMissing, Severity::warn));
  EXPECT_THAT(warning.message,
              AllOf(HasSubstr(report.manifest_digest), HasSubstr("can still be pulled")));
  EXPECT_THAT(warning.remedy, HasSubstr(std::string("nodeproof index restore --tag ") + kApp));
  asked();
  EXPECT_EQ(cycle(), report) << "said again, not asked again";
  EXPECT_EQ(asked(), 0U);
}

TEST_F(PollingTest, SaysThatTheProvenVariantIsGoneFromTheRegistryToo) {
  rig.push_for(kApp, "amd64");
  rig.registry.remove(*Digest::parse(first_.images[0].manifest_digest));
  EXPECT_THAT(later().findings.back().message, HasSubstr("can no longer be pulled by its digest"));
}

TEST_F(PollingTest, DoesNotKnowWhetherItPullsWhenTheRegistryFallsSilent) {
  rig.push_for(kApp, "amd64");
  rig.registry.fail_with(first_.images[0].manifest_digest, {Errc::unreachable, "silence", ""});
  const ImageReport report = later();
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_THAT(report.findings.back().message, HasSubstr("is not known to be pullable"));
}

TEST_F(PollingTest, WhatContainerdLostIsPulledAgainByItsDigestWhileTheTagIsDamaged) {
  rig.push_for(kApp, "amd64");
  const std::string manifest = first_.images[0].manifest_digest;
  for (const auto& [name, record] : rig.store.images()) ASSERT_TRUE(rig.store.remove_image(name));
  rig.store.collect_garbage();
  ASSERT_FALSE(rig.store.has_blob(*Digest::parse(manifest)));
  const ImageReport report = cycle();
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_EQ(report.manifest_digest, manifest);
  EXPECT_THAT(report.findings.back(), finding(code::kPlatformMissing, Severity::warn));
  EXPECT_THAT(report.findings.back().message, HasSubstr("was pulled again by its digest"));
  EXPECT_EQ(rig.store.images().at(kApp).target.digest, index_->digest) << "from the ledger's bytes";
  asked();
  EXPECT_EQ(cycle().verdict, Verdict::ready);
  EXPECT_EQ(asked(), 0U);
}

TEST_F(PollingTest, ADamagedTagThatWasNeverProvenIsNotReady) {
  rig.push_for("registry.test:5000/other:1", "amd64");
  rig.require("registry.test:5000/other:1");
  EXPECT_EQ(rig.run().verdict, Verdict::not_ready);
}

}  // namespace
}  // namespace nodeproof
