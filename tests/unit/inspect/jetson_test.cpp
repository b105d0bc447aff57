#include <gtest/gtest.h>

#include "agent/codes.hpp"
#include "agent/inspect/jetson_findings.hpp"
#include "tests/unit/inspect/layers.hpp"

namespace nodeproof::inspect {
namespace {

ResolvedImage image_of(const char* name) {
  ResolvedImage image = Image({}).resolved;
  image.reference = *Reference::parse(name);
  return image;
}

std::vector<Finding> judge(const ResolvedImage& image, const char* l4t,
                           const char* board = "NVIDIA Jetson AGX Orin Developer Kit") {
  HostFacts host;
  host.l4t = l4t;
  host.board = board;
  const std::vector<LayerInventory> layers;
  const std::vector<SmokeTest> tests;
  return jetson_findings({image, layers, host, Emulation::refuse, tests});
}

TEST(JetsonRelease, IsReadFromVariableLabelOrTag) {
  ResolvedImage image = image_of("registry.lan/shop/vision:1");
  EXPECT_EQ(tegra_release_of(image).major, 0U);
  image.config.labels["L4T_VERSION"] = "35.4.1";
  EXPECT_EQ(tegra_release_of(image).major, 35U);
  image.config.env = {"L4T_VERSION_X=32.7.1", "L4T_VERSION=r36.2.0"};
  EXPECT_EQ(tegra_release_of(image).major, 36U);
  EXPECT_EQ(tegra_release_of(image_of("dustynv/pytorch:2.6-r36.4.0-cu128")).major, 36U);
  EXPECT_EQ(tegra_release_of(image_of("nvcr.io/nvidia/l4t-pytorch:r32.4.4-pth1.6-py3")).major, 32U);
  EXPECT_EQ(tegra_release_of(image_of("nvcr.io/nvidia/l4t-pytorch:2.1-py3")).major, 0U);
  EXPECT_EQ(tegra_release_of(image_of("registry.lan/shop/app:r36.4.0")).major, 0U);
}

TEST(JetsonRelease, OfAnotherGenerationIsWarnedOf) {
  const ResolvedImage image = image_of("nvcr.io/nvidia/l4t-pytorch:r32.4.4-pth1.6-py3");
  const auto findings = judge(image, "36.3.0");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, code::kJetsonReleaseMismatch);
  EXPECT_EQ(findings[0].severity, Severity::warn);
  EXPECT_EQ(findings[0].evidence, "tag r32.4.4; host: L4T 36.3.0");
}

TEST(JetsonRelease, OfTheSameGenerationIsRight) {
  EXPECT_TRUE(judge(image_of("dustynv/pytorch:2.6-r36.4.0-cu128"), "36.3.0").empty());
  EXPECT_TRUE(judge(image_of("nvcr.io/nvidia/l4t-base:r34.1"), "35.4.1").empty());
  EXPECT_TRUE(judge(image_of("registry.lan/shop/app:1"), "36.3.0").empty());
}

TEST(JetsonRelease, IsNotKnownOfAJetsonThatDoesNotTellIts) {
  const ResolvedImage image = image_of("dustynv/pytorch:2.6-r36.4.0-cu128");
  const auto findings = judge(image, "");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].severity, Severity::warn);
  EXPECT_TRUE(judge(image, "", "Raspberry Pi 5 Model B Rev 1.0").empty());
}

}  // namespace
}  // namespace nodeproof::inspect
