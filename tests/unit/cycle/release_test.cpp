#include "agent/release.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/prepull/pins.hpp"
#include "agent/prepull/prepull.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kApp = "registry.test:5000/app:1";
constexpr const char* kBad = "registry.test:5000/bad:1";
constexpr const char* kPause = "registry.k8s.io/pause:3.9";
constexpr const char* kPin = "io.cri-containerd.pinned";

class Release : public testing::Test {
 protected:
  // One image is proven and pinned, another one is held by its lease, and others have things too.
  void SetUp() override {
    rig.push(kApp);
    rig.push_for(kBad, "amd64");
    rig.require(kApp);
    ASSERT_EQ(rig.run().verdict, Verdict::ready);
    ASSERT_TRUE(rig.store.create_lease(
        {"nodeproof-held", {{std::string(prepull::kCandidateLabel), kBad}}}, kHour));
    ASSERT_TRUE(rig.store.create_lease({"theirs", {{"somebody", "else"}}}, kHour));
    const Descriptor target = rig.store.images().at(kApp).target;
    ASSERT_TRUE(rig.store.put_image({kPause, target, {{kPin, "pinned"}}}));
  }
  Result<Released> release(bool dry_run = false) {
    return release_all({rig.store, rig.runtime, rig.chains}, dry_run, {});
  }
  [[nodiscard]] Labels labels(const std::string& name) const {
    return rig.store.images().at(name).labels;
  }
  static constexpr std::chrono::seconds kHour{3600};
  CycleRig rig;
};

TEST_F(Release, GivesBackPinsAndLeasesAndNothingOfOthers) {
  ASSERT_TRUE(labels(kApp).contains(kPin));
  const auto before = rig.store.images();
  const auto released = release();
  ASSERT_TRUE(released);
  EXPECT_THAT(released->leases, ElementsAre("nodeproof-held"));
  EXPECT_THAT(released->pins, Contains(kApp));
  EXPECT_THAT(released->problems, IsEmpty());
  EXPECT_THAT(rig.store.lease_ids(), ElementsAre("theirs"));
  EXPECT_EQ(labels(kPause), (Labels{{kPin, "pinned"}}));
  EXPECT_EQ(rig.store.images().size(), before.size()) << "images stay";
  for (const auto& [name, record] : rig.store.images()) {
    for (const auto& [key, value] : record.labels) EXPECT_FALSE(key.contains("nodeproof")) << name;
  }
  EXPECT_FALSE(labels(kApp).contains(kPin));
}

TEST_F(Release, FindsNothingTheSecondTime) {
  ASSERT_TRUE(release());
  rig.store.forget_log();
  const auto again = release();
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->none());
  EXPECT_THAT(rig.store.log(), Not(Contains(HasSubstr("label "))));
}

TEST_F(Release, ADryRunNamesTheSameAndChangesNothing) {
  const auto images = rig.store.images();
  const auto leases = rig.store.lease_ids();
  const unsigned sweeps = rig.runtime.sweeps();
  const auto planned = release(true);
  ASSERT_TRUE(planned);
  EXPECT_EQ(rig.store.images(), images);
  EXPECT_EQ(rig.store.lease_ids(), leases);
  EXPECT_EQ(rig.runtime.sweeps(), sweeps);
  EXPECT_EQ(release()->pins, planned->pins);
}

TEST_F(Release, WhatDoesNotGoIsToldAndTheRestGoes) {
  rig.runtime.fail_to_sweep({Errc::io, "device busy", ""});
  const auto released = release();
  ASSERT_TRUE(released);
  EXPECT_EQ(released->problems.size(), 1U);
  EXPECT_THAT(rig.store.lease_ids(), ElementsAre("theirs"));
  EXPECT_FALSE(labels(kApp).contains(kPin));
}

// CRI pins its pause image itself, and somebody may require it.
TEST_F(Release, APinThatWasThereBeforeStays) {
  rig.push(kPause);
  rig.require(kPause);
  ASSERT_EQ(rig.run().verdict, Verdict::ready);
  ASSERT_TRUE(labels(kPause).contains(std::string(prepull::kProvenLabel)));
  ASSERT_TRUE(release());
  EXPECT_EQ(labels(kPause).at(kPin), "pinned");
  EXPECT_FALSE(labels(kPause).contains(std::string(prepull::kProvenLabel)));
  EXPECT_FALSE(labels(kPause).contains(std::string(prepull::kForeignPinLabel)));
}

TEST_F(Release, TheNextCheckPinsAgain) {
  ASSERT_TRUE(release());
  EXPECT_EQ(rig.run().verdict, Verdict::ready);
  EXPECT_EQ(labels(kApp).at(kPin), "pinned");
}

TEST_F(Release, NamesLeftoversOfOursAlone) {
  const Digest chain = *Digest::parse("sha256:" + std::string(64, 'e'));
  rig.chains.add_container({"nodeproof-smoke-0123456789abcdef",
                            "",
                            "nodeproof-smoke-0123456789abcdef",
                            {{"nodeproof.dev/smoke", "1"}},
                            ""},
                           chain);
  // CRI copies an image's labels to its containers.
  rig.chains.add_container({"web", kApp, "web", {{"nodeproof.dev/smoke", "1"}}, "running"}, chain);
  EXPECT_THAT(release(true)->leftovers, ElementsAre("container nodeproof-smoke-0123456789abcdef",
                                                    "snapshot nodeproof-smoke-0123456789abcdef"));
}

}  // namespace
}  // namespace nodeproof
