// stale_after: how long a proof stands while its registry is silent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "agent/codes.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

using std::chrono::hours;
using testing::Contains;
using testing::Field;
using testing::Not;

constexpr const char* kApp = "registry.test:5000/app:1";
constexpr hours kPeriod{6}, kLimit{48};

class Stale : public testing::Test {
 protected:
  void SetUp() override {
    index_ = rig.push(kApp);
    rig.require(kApp);
    rig.config.polling = Polling::when_due;
    rig.config.settings.stale_after = kLimit;
    ASSERT_EQ(rig.run().verdict, Verdict::ready);
  }
  ImageReport after(hours time) {
    rig.clock.advance(time);
    return rig.run().images.at(0);
  }
  void registry_is_silent(bool silent = true) {
    rig.registry.fail_with(kApp, {Errc::unreachable, "connection refused", ""},
                           silent ? FakeRegistry::kAlways : 0);
  }
  static auto stale() {
    return Contains(AllOf(Field(&Finding::code, std::string(code::kProofStale)),
                          Field(&Finding::severity, Severity::unknown)));
  }
  CycleRig rig;
  std::optional<Descriptor> index_;
};

TEST_F(Stale, IsAProofWhoseRegistryWasSilentForSoLongAndNoLonger) {
  registry_is_silent();
  EXPECT_EQ(after(kLimit).verdict, Verdict::ready);
  const ImageReport report = after(hours(1));
  EXPECT_EQ(report.verdict, Verdict::unknown);
  EXPECT_THAT(report.findings, stale());
  registry_is_silent(false);
  EXPECT_EQ(after(hours(0)).verdict, Verdict::ready) << "it has answered, and nothing is lost";
}

TEST_F(Stale, IsCountedFromTheRegistrysLastWordNotFromTheProof) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(after(kPeriod).verdict, Verdict::ready);
  registry_is_silent();
  EXPECT_EQ(after(kLimit - kPeriod).verdict, Verdict::ready);
  EXPECT_EQ(after(kPeriod + hours(1)).verdict, Verdict::unknown);
}

TEST_F(Stale, IsNoProofWhoseRegistryWasNotAskedBecauseItsTurnHadNotCome) {
  rig.config.settings.stale_after = {};  // set later, when the first word is long ago
  for (int i = 0; i < 20; ++i) after(kPeriod);
  rig.config.settings.stale_after = kLimit;
  EXPECT_EQ(after(hours(0)).verdict, Verdict::ready);
}

TEST_F(Stale, IsNoProofOfAHostThatWasOffForLong) {
  std::filesystem::remove(rig.config.run_dir / "polls.json");  // a boot
  EXPECT_EQ(after(kLimit * 5).verdict, Verdict::ready);
  std::filesystem::remove(rig.config.run_dir / "polls.json");
  registry_is_silent();
  EXPECT_EQ(after(kLimit * 5).verdict, Verdict::unknown);
}

TEST_F(Stale, IsNotRenewedByAProofThatIsMadeAnewWithoutTheRegistry) {
  registry_is_silent();
  rig.clock.advance(kLimit);
  rig.config.again = true;
  EXPECT_EQ(after(hours(0)).verdict, Verdict::ready);
  rig.config.again = false;
  EXPECT_EQ(after(hours(1)).verdict, Verdict::unknown);
}

TEST_F(Stale, IsNothingThatTheConfigurationDoesNotSay) {
  rig.config.settings.stale_after = {};
  registry_is_silent();
  EXPECT_EQ(after(hours(24 * 365)).verdict, Verdict::ready);
}

TEST_F(Stale, IsNoImageThatIsRequiredByItsDigest) {
  rig.config.settings.images.clear();
  rig.require("registry.test:5000/app@" + index_->digest.str());
  ASSERT_EQ(rig.run().verdict, Verdict::ready);
  registry_is_silent();
  const ImageReport report = after(kLimit * 10);
  EXPECT_EQ(report.verdict, Verdict::ready);
  EXPECT_THAT(report.findings, Not(stale()));
}

TEST_F(Stale, IsNoProofBecauseTheClockWasSetBack) {
  registry_is_silent();
  rig.clock.advance(-kLimit * 3);
  EXPECT_EQ(after(hours(0)).verdict, Verdict::ready);
}

}  // namespace
}  // namespace nodeproof
