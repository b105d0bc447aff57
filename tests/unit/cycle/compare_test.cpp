#include <gmock/gmock.h>

#include <fstream>

#include "agent/codes.hpp"
#include "tests/unit/cycle/cycle_rig.hpp"

namespace nodeproof {
namespace {

constexpr const char* kApp = "registry.test/app:1";

std::vector<std::string> codes_of(const ImageReport& image) {
  std::vector<std::string> codes;
  for (const Finding& finding : image.findings) codes.push_back(finding.code);
  return codes;
}

class Compare : public testing::Test {
 protected:
  void SetUp() override {
    rig.push(kApp);
    rig.require(kApp);
  }
  const ImageReport& run() {
    report = rig.run();
    return report.images[0];
  }
  CycleRig rig;
  NodeReport report;
};

TEST_F(Compare, ReadsAllFilesOnceAfterAPowerCut) {
  ASSERT_EQ(run().verdict, Verdict::ready);
  rig.power_cut();
  rig.config.again = true;
  EXPECT_EQ(run().verdict, Verdict::ready);
  EXPECT_THAT(rig.comparisons(), testing::ElementsAre(2U)) << "the program and its content";
  EXPECT_EQ(run().verdict, Verdict::ready);
  EXPECT_EQ(rig.comparisons().size(), 1U) << "once per boot";
}

TEST_F(Compare, ReadsNeededFilesOnlyAfterAShutdownInOrder) {
  run();
  rig.config.again = true;
  EXPECT_EQ(run().verdict, Verdict::ready);
  EXPECT_TRUE(rig.comparisons().empty());
}

TEST_F(Compare, LeavesWhatWasUnpackedInThisBootAlone) {
  rig.power_cut();
  EXPECT_EQ(run().verdict, Verdict::ready);
  EXPECT_TRUE(rig.comparisons().empty());
}

TEST_F(Compare, StartsNothingOfAnImageWithADamagedFile) {
  run();
  rig.power_cut();
  rig.config.again = true;
  rig.damage("/content");
  const ImageReport& image = run();
  EXPECT_EQ(image.verdict, Verdict::not_ready);
  ASSERT_THAT(codes_of(image), testing::ElementsAre(code::kFileCorrupt));
  EXPECT_EQ(image.findings[0].remedy.find("unpack it again: nodeproof repair registry.test/app:1"),
            0U);
  EXPECT_EQ(image.smoke[0].result, SmokeOutcome::skipped);
  EXPECT_EQ(rig.runtime.requests().size(), 2U);
}

TEST_F(Compare, LooksForADamagedFileWhereATestFails) {
  run();
  rig.config.again = true;
  rig.tests_exit_with(126);
  rig.damage("/content", smoke::FileProblem::truncated);
  EXPECT_THAT(codes_of(run()), testing::ElementsAre(code::kFileCorrupt));
  rig.damage("");
  EXPECT_THAT(codes_of(run()), testing::ElementsAre(code::kSmokeFailed));
  const auto comparisons = rig.comparisons().size();
  run();
  EXPECT_EQ(rig.comparisons().size(), comparisons) << "they are known to be right";
}

TEST_F(Compare, IsUnknownWhereTheFilesCouldNotBeCompared) {
  run();
  rig.power_cut();
  rig.config.again = true;
  rig.runtime.behave([](const ContainerRequest&) { return ContainerExit{.status = 1}; });
  const ImageReport& image = run();
  EXPECT_EQ(image.verdict, Verdict::unknown);
  EXPECT_THAT(codes_of(image), testing::ElementsAre(code::kSmokeNotRun));
}

}  // namespace
}  // namespace nodeproof
