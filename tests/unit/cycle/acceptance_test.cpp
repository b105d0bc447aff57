#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/codes.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

constexpr const char* kApp = "registry.test:5000/app:1";

// An image that lacks the program of one of its tests.
class Accepted : public testing::Test {
 protected:
  Accepted() {
    rig.push(kApp);
    rig.require(kApp).smoke[0].args = {"/usr/bin/absent"};
  }
  void accept_for(std::chrono::days length) {
    Acceptance entry;
    entry.code = code::kEntrypointMissing;
    entry.until = std::chrono::floor<std::chrono::days>(rig.clock.now()) + length;
    entry.why = "the program comes by a mount";
    rig.config.settings.accept = {entry};
  }
  CycleRig rig;
};

TEST_F(Accepted, AFailureThatIsAcceptedDoesNotKeepTheImageFromBeingStartedAndReady) {
  EXPECT_EQ(rig.run().verdict, Verdict::not_ready);
  EXPECT_TRUE(rig.runtime.requests().empty());
  accept_for(std::chrono::days(60));
  const NodeReport report = rig.run();
  EXPECT_EQ(report.verdict, Verdict::ready) << report.message;
  EXPECT_EQ(rig.runtime.requests().size(), 1U);
  ASSERT_EQ(report.images[0].findings.size(), 1U);
  ASSERT_TRUE(report.images[0].findings[0].lowered);
  EXPECT_EQ(report.images[0].findings[0].lowered->from, Severity::fail);
}

TEST_F(Accepted, ThePromiseOfAProofEndsWithTheAcceptanceAndComesBackWithItWithoutAnotherStart) {
  accept_for(std::chrono::days(60));
  ASSERT_EQ(rig.run().verdict, Verdict::ready);
  rig.clock.advance(std::chrono::hours(24 * 62));
  const NodeReport report = rig.run();
  EXPECT_EQ(report.verdict, Verdict::not_ready);
  EXPECT_THAT(report.findings,
              testing::Contains(testing::Field(&Finding::code, code::kAcceptanceEnded)));
  accept_for(std::chrono::days(60));
  EXPECT_EQ(rig.run().verdict, Verdict::ready);
  EXPECT_EQ(rig.runtime.requests().size(), 1U);
}

}  // namespace
}  // namespace nodeproof
