// pull.windows and pull.start_jitter in the daemon's cycles. The fake clock starts at midnight UTC.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/codes.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kApp = "registry.test:5000/app:1";

auto deferred(Severity severity) {
  return Contains(AllOf(Field(&Finding::code, std::string(code::kPullDeferred)),
                        Field(&Finding::severity, severity)));
}

class Windows : public testing::Test {
 protected:
  void SetUp() override {
    rig.config.polling = Polling::when_due;
    rig.config.patient = true;
    rig.config.utc_offset = [](std::chrono::sys_seconds) { return seconds(hours(1)); };
    only_from("22:00-23:00");
  }
  void only_from(const std::string& window) {
    rig.config.settings.pull.windows = {*parse_time_window(window)};
  }
  ImageReport cycle() {
    NodeReport report = rig.run();
    return report.images.at(0);
  }
  // The tag of a proven image names another one, and it is time to ask.
  Descriptor move(OnTagMoved policy = OnTagMoved::follow) {
    rig.require(kApp).on_tag_moved = policy;
    rig.push(kApp);
    EXPECT_EQ(cycle().verdict, Verdict::ready);
    rig.clock.advance(hours(6));
    fetched_ = rig.store.count("commit ");
    return rig.push(kApp, "2");
  }
  [[nodiscard]] bool fetched() const { return rig.store.count("commit ") > fetched_; }

  CycleRig rig;
  unsigned fetched_ = 0;  // blobs
};

TEST_F(Windows, ASuccessorWaitsAndWhatIsProvenStands) {
  const Descriptor next = move();
  const ImageReport waiting = cycle();
  EXPECT_EQ(waiting.verdict, Verdict::ready);
  EXPECT_EQ(waiting.freshness, Freshness::stale);
  EXPECT_NE(waiting.index_digest, next.digest.str());
  EXPECT_THAT(waiting.findings, deferred(Severity::info));
  EXPECT_EQ(waiting.deferred_until, parse_rfc3339("2026-11-21T21:00:00Z"));
  const Finding& told = waiting.findings.back();
  EXPECT_THAT(told.message, HasSubstr("22:00-23:00"));
  EXPECT_THAT(told.message, HasSubstr("2026-11-21T22:00:00+01:00"));
  EXPECT_THAT(waiting.findings,
              Contains(Field(&Finding::message, HasSubstr("the new one waits: "))));
  EXPECT_FALSE(fetched());
}

TEST_F(Windows, MeanwhileNothingIsAskedAndItIsToldAgain) {
  move();
  const ImageReport first = cycle();
  const unsigned asked = rig.registry.requests();
  rig.clock.advance(minutes(15));
  const ImageReport again = cycle();
  EXPECT_EQ(rig.registry.requests(), asked);
  EXPECT_EQ(again.verdict, Verdict::ready);
  EXPECT_EQ(again.deferred_until, first.deferred_until);
  EXPECT_THAT(again.findings, deferred(Severity::info));
}

TEST_F(Windows, ItIsFetchedWhenTheWindowOpens) {
  const Descriptor next = move();
  cycle();
  rig.clock.advance(hours(15));
  const ImageReport followed = cycle();
  EXPECT_EQ(followed.index_digest, next.digest.str());
  EXPECT_EQ(followed.verdict, Verdict::ready);
  EXPECT_EQ(followed.deferred_until, std::nullopt);
  EXPECT_THAT(followed.findings, Not(deferred(Severity::info)));
}

TEST_F(Windows, ATagThatMovesBackIsNoLongerWaitedFor) {
  const Descriptor next = move();
  cycle();
  rig.push(kApp);
  rig.clock.advance(hours(6));
  const ImageReport back = cycle();
  EXPECT_EQ(back.freshness, Freshness::current);
  EXPECT_EQ(back.deferred_until, std::nullopt);
  EXPECT_THAT(back.findings, IsEmpty());
}

TEST_F(Windows, ItIsNotWaitedForOnceItIsOnlyReported) {
  move();
  cycle();
  rig.config.settings.images[0].on_tag_moved = OnTagMoved::report;
  EXPECT_THAT(cycle().findings, Not(deferred(Severity::info)));
}

TEST_F(Windows, APersonWhoChecksDoesNotWait) {
  const Descriptor next = move();
  cycle();
  rig.config.polling = Polling::always;
  rig.config.patient = false;
  EXPECT_EQ(cycle().index_digest, next.digest.str());
  rig.config.patient = true;
  EXPECT_EQ(cycle().deferred_until, std::nullopt);
}

TEST_F(Windows, ARequiredImageThatWasNeverProvenIsNotHeldUp) {
  rig.require(kApp);
  rig.push(kApp);
  EXPECT_EQ(cycle().verdict, Verdict::ready);
}

TEST_F(Windows, NorIsOneThatWasProvenAndIsGone) {
  const Descriptor next = move(OnTagMoved::report);
  for (const auto& [name, record] : rig.store.images()) {
    ASSERT_TRUE(rig.store.remove_image(name));
  }
  for (const std::string& lease : rig.store.lease_ids()) {
    ASSERT_TRUE(rig.store.delete_lease(lease, Release::at_once));
  }
  rig.store.collect_garbage();
  const ImageReport again = cycle();
  EXPECT_EQ(again.verdict, Verdict::ready);
  EXPECT_EQ(again.index_digest, next.digest.str());
  EXPECT_TRUE(fetched());
}

TEST_F(Windows, AnImageThatIsNotRequiredWaitsAndIsNotKnown) {
  rig.require(kApp).required = false;
  rig.push(kApp);
  const ImageReport waiting = cycle();
  EXPECT_EQ(waiting.verdict, Verdict::unknown);
  EXPECT_THAT(waiting.findings, deferred(Severity::unknown));
  EXPECT_EQ(waiting.findings.size(), 1U);
  EXPECT_FALSE(fetched());
  rig.clock.advance(hours(21));
  EXPECT_EQ(cycle().verdict, Verdict::ready);
}

TEST_F(Windows, BytesThatAreHereNeedNone) {
  const Descriptor next = move();
  rig.config.patient = false;
  rig.config.settings.images[0].on_tag_moved = OnTagMoved::prove;
  cycle();  // fetches the successor, and pins nothing
  rig.config.patient = true;
  rig.config.settings.images[0].on_tag_moved = OnTagMoved::follow;
  const std::uint64_t before = rig.registry.blob_bytes_sent();
  EXPECT_EQ(cycle().index_digest, next.digest.str());
  EXPECT_EQ(rig.registry.blob_bytes_sent(), before);
}

TEST_F(Windows, AJitterGivesEachNodeAMomentOfItsOwn) {
  rig.config.settings.pull.windows.clear();
  rig.config.settings.pull.start_jitter = hours(2);
  const Descriptor next = move();
  const ImageReport waiting = cycle();
  ASSERT_TRUE(waiting.deferred_until);
  const auto share = *waiting.deferred_until - rig.clock.now();
  EXPECT_LT(share, hours(2));
  EXPECT_THAT(waiting.findings.back().message, HasSubstr("pull.start_jitter"));
  rig.clock.advance(minutes(1));
  EXPECT_EQ(cycle().deferred_until, waiting.deferred_until);
  rig.clock.advance(std::chrono::duration_cast<seconds>(share));
  EXPECT_EQ(cycle().index_digest, next.digest.str());
}

TEST_F(Windows, AJitterHoldsUpNoImageWithoutAProvenVersion) {
  rig.config.settings.pull.windows.clear();
  rig.config.settings.pull.start_jitter = hours(2);
  rig.require(kApp);
  rig.push(kApp);
  EXPECT_EQ(cycle().verdict, Verdict::ready);
}

}  // namespace
}  // namespace nodeproof
