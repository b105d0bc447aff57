#include "agent/in_use.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/codes.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using namespace std::chrono_literals;

constexpr const char* kApp = "registry.test:5000/app:1";
constexpr const char* kOther = "registry.test:5000/other:1";
const std::string kChain = "sha256:" + std::string(64, 'a');
const std::string kBase = "sha256:" + std::string(64, 'b');

auto of(std::string_view code) { return Field(&Finding::code, std::string(code)); }

auto of_use() {
  return testing::AnyOf(of(code::kInUseAndFailing), of(code::kInUseNotRequired),
                        of(code::kRequiredNotUsed));
}

ImageReport judged(const std::string& reference, Verdict verdict, std::string rootfs) {
  ImageReport image;
  image.reference = reference;
  image.verdict = verdict;
  image.rootfs = std::move(rootfs);
  return image;
}

InUse running(const std::string& image, const std::string& chain, Labels labels = {}) {
  InUse use;
  use.containers = {{"c1", image, "c1", std::move(labels), "running"}};
  use.snapshots = {{"c1", chain, false}, {chain, kBase, true}, {kBase, "", true}};
  use.kubelet = true;
  return use;
}

TEST(InUseAndFailing, AContainerOfAnImageThatNowFailsIsNamedWithItsPod) {
  std::vector<ImageReport> images = {judged(kApp, Verdict::not_ready, kChain)};
  note_failing(images, running(kApp, kChain,
                               {{"io.kubernetes.pod.namespace", "shop"},
                                {"io.kubernetes.pod.name", "web-7d9"},
                                {"io.kubernetes.container.name", "app"}}));
  ASSERT_THAT(images[0].findings, SizeIs(1));
  EXPECT_EQ(images[0].findings[0].code, code::kInUseAndFailing);
  EXPECT_EQ(images[0].findings[0].severity, Severity::warn);
  EXPECT_THAT(images[0].findings[0].message, HasSubstr("pod shop/web-7d9, container app"));
}

TEST(InUseAndFailing, IsNotSaidOfAContainerThatRunsAnOlderImageOfTheTag) {
  std::vector<ImageReport> images = {judged(kApp, Verdict::not_ready, kChain)};
  note_failing(images, running(kApp, kBase));
  EXPECT_THAT(images[0].findings, IsEmpty());
}

TEST(InUseAndFailing, IsNotSaidOfAnImageThatOnlyBuildsOnTheFailingOne) {
  std::vector<ImageReport> images = {judged(kApp, Verdict::not_ready, kBase)};
  note_failing(images, running(kOther, kChain));
  EXPECT_THAT(images[0].findings, IsEmpty());
}

TEST(InUseAndFailing, IsNotSaidWhereNothingRunsOrNothingFails) {
  InUse use = running(kApp, kChain);
  std::vector<ImageReport> images = {judged(kApp, Verdict::ready, kChain)};
  note_failing(images, use);
  images.push_back(judged(kApp, Verdict::not_ready, kChain));
  for (const char* state : {"", "stopped"}) {
    use.containers[0].state = state;
    note_failing(images, use);
  }
  EXPECT_THAT(images[0].findings, IsEmpty());
  EXPECT_THAT(images[1].findings, IsEmpty());
}

TEST(InUseAndFailing, OfTwoImagesWithTheSameLayersTheNameTellsWhichOneRuns) {
  std::vector<ImageReport> images = {judged(kApp, Verdict::not_ready, kChain),
                                     judged(kOther, Verdict::ready, kChain)};
  note_failing(images, running(kOther, kChain));
  EXPECT_THAT(images[0].findings, IsEmpty());
  note_failing(images, running("registry.test:5000/third:1", kChain));
  EXPECT_THAT(images[0].findings, SizeIs(1)) << "the same bytes under another name";
}

TEST(InUseAndFailing, SeesThroughASnapshotWithOtherOwners) {
  std::vector<ImageReport> images = {judged(kApp, Verdict::not_ready, kChain)};
  InUse use = running(kApp, kChain);
  use.snapshots = {{"c1", "usernsID", false}, {"usernsID", kChain, true}, {kChain, "", true}};
  note_failing(images, use);
  EXPECT_THAT(images[0].findings, SizeIs(1));
}

TEST(InUseAndFailing, WhereTheBytesAreNotKnownTheNameCounts) {
  std::vector<ImageReport> images = {judged(kApp, Verdict::not_ready, "")};
  note_failing(images, running(kApp, kChain));
  EXPECT_THAT(images[0].findings, SizeIs(1));
}

TEST(InUseNotRequired, IsOneRemarkPerImage) {
  InUse use = running(kOther, kChain);
  use.containers.push_back({"c2", kOther, "c2", {}, "running"});
  use.snapshots.push_back({"c2", kChain, false});
  const auto findings = not_required({judged(kApp, Verdict::ready, kBase)}, use);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].severity, Severity::info);
  EXPECT_EQ(findings[0].subject, kOther);
  EXPECT_THAT(findings[0].message, HasSubstr("2 containers"));
}

TEST(InUseNotRequired, TellsAnOlderImageOfARequiredTag) {
  const auto findings = not_required({judged(kApp, Verdict::ready, kBase)}, running(kApp, kChain));
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_THAT(findings[0].message, HasSubstr("other bytes of this name"));
}

TEST(InUseNotRequired, IsNotSaidOfARequiredImageUnderAnotherName) {
  EXPECT_THAT(not_required({judged(kApp, Verdict::ready, kChain)}, running(kOther, kChain)),
              IsEmpty());
}

TEST(InUseNotRequired, NamesAnImageThatTheContainerKnowsByItsId) {
  const std::string id = "sha256:" + std::string(64, 'c');
  InUse use = running(id, kChain);
  const Descriptor target{"", *Digest::parse("sha256:" + std::string(64, 'd')), 1, {}, {}};
  use.names = {
      {id, target, {}}, {std::string(kOther) + "@sha256:1", target, {}}, {kOther, target, {}}};
  const auto findings = not_required({}, use);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].subject, kOther);
}

TEST(InUseNotRequired, IsCapped) {
  InUse use;
  for (int i = 0; i < 50; ++i) {
    const std::string name = "image" + std::to_string(i);
    use.containers.push_back({name, name, "gone", {}, "running"});
  }
  const auto findings = not_required({}, use);
  ASSERT_THAT(findings, SizeIs(21));
  EXPECT_EQ(findings.back().subject, "30 more images");
}

TEST(RequiredNotUsed, IsSaidOnlyAmongOtherContainersOfAKubeletAndOfASettledImage) {
  const std::vector<ImageReport> images = {judged(kApp, Verdict::ready, kChain)};
  const auto yes = [](const ImageReport&) { return true; };
  InUse use = running(kOther, kBase);
  EXPECT_THAT(not_used(images, use, yes), SizeIs(1));
  EXPECT_THAT(not_used(images, use, [](const ImageReport&) { return false; }), IsEmpty());
  use.kubelet = false;
  EXPECT_THAT(not_used(images, use, yes), IsEmpty());
  use.kubelet = true;
  use.containers[0].state = "stopped";
  EXPECT_THAT(not_used(images, use, yes), IsEmpty()) << "nothing runs here";
  EXPECT_THAT(not_used({judged(kApp, Verdict::not_ready, kChain)}, running(kOther, kBase), yes),
              IsEmpty());
}

TEST(RequiredNotUsed, AContainerThatHasEndedIsAUse) {
  InUse use = running(kOther, kBase);
  use.containers.push_back({"job", kApp, "job", {}, ""});
  use.snapshots.push_back({"job", kChain, false});
  EXPECT_THAT(not_used({judged(kApp, Verdict::ready, kChain)}, use,
                       [](const ImageReport&) { return true; }),
              IsEmpty());
}

class InUseCycle : public testing::Test {
 protected:
  void run_container(const std::string& image, const std::string& rootfs, Labels labels = {}) {
    const std::string id = "c" + std::to_string(++containers_);
    rig.chains.add_container({id, image, id, std::move(labels), "running"}, *Digest::parse(rootfs));
  }
  CycleRig rig;

 private:
  int containers_ = 0;
};

TEST_F(InUseCycle, AnImageThatFailsUnderItsContainersIsAWarningBesideTheVerdict) {
  rig.push(kApp);
  rig.require(kApp);
  const NodeReport proven = rig.run();
  ASSERT_NE(proven.images[0].rootfs, "");
  run_container(kApp, proven.images[0].rootfs);
  EXPECT_THAT(rig.run().images[0].findings, Not(Contains(of(code::kInUseAndFailing))));
  rig.config.again = true;
  rig.tests_exit_with(3);
  const NodeReport failed = rig.run();
  EXPECT_EQ(failed.reason, code::kSmokeFailed);
  EXPECT_THAT(failed.images[0].findings, Contains(of(code::kInUseAndFailing)));
}

TEST_F(InUseCycle, AGoodNodeWithItsPodsHearsNothingOfThem) {
  rig.push(kApp);
  rig.require(kApp);
  const NodeReport proven = rig.run();
  run_container(kApp, proven.images[0].rootfs);
  run_container("registry.k8s.io/pause:3.9", "sha256:" + std::string(64, 'e'),
                {{"io.cri-containerd.kind", "sandbox"}});
  rig.clock.advance(48h);
  const NodeReport report = rig.run();
  EXPECT_THAT(report.findings, Not(Contains(of_use())));
  EXPECT_THAT(report.images[0].findings, IsEmpty());
}

TEST_F(InUseCycle, ARequiredImageIsCalledUnusedADayAfterItsProof) {
  rig.push(kApp);
  rig.require(kApp);
  rig.run();
  run_container(kOther, "sha256:" + std::string(64, 'e'));
  EXPECT_THAT(rig.run().findings, Not(Contains(of(code::kRequiredNotUsed))));
  rig.clock.advance(25h);
  const NodeReport report = rig.run();
  EXPECT_THAT(report.findings, Contains(of(code::kRequiredNotUsed)));
  EXPECT_THAT(report.findings, Contains(of(code::kInUseNotRequired)));
  EXPECT_EQ(report.verdict, Verdict::ready);
}

TEST_F(InUseCycle, WhatContainersRunCostsNoReadAndNoWrite) {
  rig.push(kApp);
  rig.require(kApp);
  run_container(kApp, rig.run().images[0].rootfs);
  rig.config.polling = Polling::when_due;
  rig.run();
  rig.store.forget_log();
  rig.run();
  EXPECT_THAT(rig.store.log(), IsEmpty());
}

TEST_F(InUseCycle, AnAdHocCheckCountsNothingThatNobodyAskedAbout) {
  rig.push(kApp);
  rig.require(kApp);
  run_container(kOther, "sha256:" + std::string(64, 'e'));
  rig.config.ad_hoc = true;
  EXPECT_THAT(rig.run().findings, Not(Contains(of_use())));
}

}  // namespace
}  // namespace nodeproof
