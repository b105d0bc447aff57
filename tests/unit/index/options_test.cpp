// What validate() is told to look at, and by whom.
#include "agent/index/validate.hpp"
#include "tests/unit/index/tag.hpp"

namespace nodeproof::index {
namespace {

using enum PlatformVerdict;
using Verdicts = std::vector<PlatformVerdict>;

TEST_F(TagTest, WhoReadsLayersIsToldWhatTheTagNamesWhetherDeepOrNot) {
  for (const bool deep : {false, true}) {
    int asked = 0;
    ValidateOptions options{.deep = deep};
    options.read_too = [&](const Digest&) {
      ++asked;
      return std::vector<std::string>{};
    };
    EXPECT_EQ(verdicts(look(options)), (Verdicts{whole, whole}));
    EXPECT_EQ(asked, 1) << deep;
  }
}

TEST_F(TagTest, APartialLookSaysWhatItWasAbout) {
  EXPECT_EQ(look().only, std::vector<std::string>{});
  EXPECT_EQ(look({.platforms = {{"linux", "arm64", "", "", {}}}}).only,
            std::vector<std::string>{"linux/arm64"});
}

TEST_F(TagTest, EachPlatformThatIsAskedForMustBeThere) {
  const Platform arm64{"linux", "arm64", "", "", {}}, riscv{"linux", "riscv64", "", "", {}};
  const IndexReport report = look({.platforms = {arm64, riscv}});
  EXPECT_EQ(report.verdict, IndexVerdict::damaged);
  ASSERT_TRUE(has(report, "PlatformMissing"));
  EXPECT_NE(report.findings.at(0).message.find("holds no image for linux/riscv64"),
            std::string::npos);
}

TEST_F(TagTest, OfImageLayoutsNoRegistryIsSpokenOf) {
  registry.remove(layer(amd64, 1));
  registry.state(layer(arm64, 1), BlobState::truncated);
  const ValidateOptions options{.layouts = true};
  IndexReport report = look(options);
  EXPECT_EQ(verdicts(report), (Verdicts{missing, truncated}));
  registry.fail_with(kTag, {Errc::truncated, "stick.tar: cut off", ""});
  IndexReport cut_off = look(options);
  EXPECT_EQ(cut_off.verdict, IndexVerdict::damaged);
  EXPECT_TRUE(has(cut_off, "ContentCorrupt"));
  registry.fail_with(kTag, {Errc::not_found, "not in stick.tar", "copy it there: skopeo"});
  IndexReport absent = look(options);
  EXPECT_TRUE(has(absent, "ImageNotFound"));
  EXPECT_EQ(absent.findings.at(0).remedy, "copy it there: skopeo");
  for (const IndexReport* each : {&report, &cut_off, &absent}) {
    for (const Finding& finding : all_findings(*each)) {
      EXPECT_EQ(finding.message.find("registry"), std::string::npos) << finding.message;
      EXPECT_EQ(finding.remedy.find("push"), std::string::npos) << finding.remedy;
    }
  }
}

}  // namespace
}  // namespace nodeproof::index
