#include "agent/index/diverge.hpp"

#include <gtest/gtest.h>

#include "common/arch_words.hpp"
#include "common/crypto.hpp"

namespace nodeproof::index {
namespace {

constexpr const char* kRevision = "org.opencontainers.image.revision";
constexpr const char* kVersion = "org.opencontainers.image.version";

Descriptor blob(const std::string& text, std::uint64_t size) {
  return {"application/vnd.oci.image.layer.v1.tar", hash_of(as_bytes(text)), size, {}, {}};
}

Node variant(const std::string& architecture) {
  Descriptor descriptor = blob(architecture, 500);
  descriptor.platform = Platform{"linux", architecture, "", "", {}};
  Node node{.descriptor = descriptor};
  node.manifest = Manifest{"", blob("config", 100), {blob("layer", 50'000'000)}};
  node.config = ImageConfig{};
  node.config->platform = *descriptor.platform;
  node.config->created = "2026-11-01T10:00:00Z";
  node.config->entrypoint = {"/docker-entrypoint.sh"};
  node.config->cmd = {"app"};
  node.config->env = {"PATH=/usr/bin", "APP_VERSION=1.2"};
  return node;
}

class DivergeTest : public testing::Test {
 protected:
  std::vector<Finding> look() { return divergences("r.example/app:1", {a, b}); }
  void expect_warning(const std::string& evidence) {
    const auto found = look();
    ASSERT_EQ(found.size(), 1U) << evidence;
    EXPECT_EQ(found[0].code, "VariantsDiverge");
    EXPECT_EQ(found[0].severity, Severity::warn);
    EXPECT_NE(found[0].evidence.find(evidence), std::string::npos) << found[0].evidence;
  }
  Node a = variant("amd64"), b = variant("arm64");
};

TEST_F(DivergeTest, BuildsOfOneRevisionAreSilent) { EXPECT_TRUE(look().empty()); }

TEST_F(DivergeTest, TheSeedStoryAnOldArm64BesideANewAmd64) {
  a.config->labels = {{kRevision, "3f9c2ab"}, {kVersion, "2.1"}};
  b.config->labels = {{kRevision, "0011223"}, {kVersion, "2.0"}};
  b.config->created = "2026-03-01T10:00:00Z";
  const auto found = look();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].subject, "linux/arm64");
  for (const char* part :
       {"label org.opencontainers.image.revision: \"0011223\" in linux/arm64, \"3f9c2ab\" in "
        "linux/amd64",
        "label org.opencontainers.image.version: \"2.0\"", "created: 2026-03-01T10:00:00Z"}) {
    EXPECT_NE(found[0].evidence.find(part), std::string::npos) << found[0].evidence;
  }
  EXPECT_NE(found[0].message.find(b.descriptor.digest.str()), std::string::npos);
}

TEST_F(DivergeTest, EachExactSignIsEnough) {
  const Node good = b;
  b.config->cmd = {"other"};
  expect_warning("cmd: \"other\" in linux/arm64, \"app\" in linux/amd64");
  b = good;
  b.config->entrypoint = {"/bin/sh"};
  expect_warning("entrypoint: \"/bin/sh\"");
  b = good;
  b.config->user = "1000";
  expect_warning("user: \"1000\" in linux/arm64, \"root\"");
  b = good;
  b.config->exposed_ports = {"80/tcp"};
  expect_warning("exposed ports: \"80/tcp\"");
}

TEST_F(DivergeTest, OneWeakSignIsNotAndTwoAre) {
  b.config->env = {"PATH=/usr/bin", "APP_VERSION=1.1"};
  EXPECT_TRUE(look().empty()) << "NVIDIA's images differ so";
  b.config->created = "2026-05-01T00:00:00Z";
  expect_warning("env APP_VERSION: \"1.1\" in linux/arm64, \"1.2\" in linux/amd64");
  b.config->env = a.config->env;
  EXPECT_TRUE(look().empty()) << "rare architectures are built late";
  b.manifest->layers = {blob("layer", 5'000'000)};
  expect_warning("compressed size: 5.0 MB in linux/arm64, 50.0 MB in linux/amd64");
  b.config->created = a.config->created;
  EXPECT_TRUE(look().empty());
}

TEST_F(DivergeTest, WhatOrdinaryImagesDifferInIsSilent) {
  a.config->env = {"PATH=/usr/bin",
                   "GOARCH=amd64",
                   "TARGETPLATFORM=linux/amd64",
                   "TOOL_SHA256=aaaa",
                   "LIB=/usr/lib/x86_64-linux-gnu",
                   "APP_VERSION=1.2"};
  b.config->env = {"PATH=/usr/bin",
                   "GOARCH=arm64",
                   "TARGETPLATFORM=linux/arm64",
                   "TOOL_SHA256=bbbb",
                   "LIB=/usr/lib/aarch64-linux-gnu",
                   "APP_VERSION=1.2"};
  a.config->entrypoint = {"/app-amd64"};
  b.config->entrypoint = {"/app-arm64"};
  a.config->labels = {{kVersion, "2.1-amd64"}};
  b.config->labels = {{kVersion, "2.1-arm64"}};
  a.config->user = "";
  b.config->user = "root";
  b.config->created = "2026-10-27T23:00:00.123456789Z";
  b.manifest->layers = {blob("layer", 20'000'000)};
  EXPECT_TRUE(look().empty()) << look().front().evidence;
}

TEST_F(DivergeTest, TheZeroTimesOfReproducibleBuildsSayNothing) {
  b.manifest->layers = {blob("layer", 1'000'000)};
  for (const char* zero : {"1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "1980-01-01", "", "now",
                           "2026-99-99T00:00:00Z"}) {
    b.config->created = zero;
    EXPECT_TRUE(look().empty()) << zero;
  }
}

TEST_F(DivergeTest, WindowsIsNotComparedWithLinuxNorWithAnotherRelease) {
  b.descriptor.platform = Platform{"windows", "amd64", "", "10.0.20348.1", {}};
  b.config->cmd = {"c:\\windows\\system32\\cmd.exe"};
  EXPECT_TRUE(look().empty());
  a.descriptor.platform = Platform{"windows", "amd64", "", "10.0.17763.1", {}};
  EXPECT_TRUE(look().empty());
}

TEST_F(DivergeTest, WhatIsNotKnownOrNoImageIsNotCompared) {
  b.config->cmd = {"other"};
  b.companion = true;
  EXPECT_TRUE(look().empty());
  b.companion = false;
  b.config.reset();
  EXPECT_TRUE(look().empty());
}

TEST_F(DivergeTest, ValuesFromOutsideAreInertAndBounded) {
  b.config->cmd = {"\x1b[31m" + std::string(10'000, 'x')};
  const auto found = look();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].evidence.find('\x1b'), std::string::npos);
  EXPECT_LT(found[0].evidence.size(), 1000U);
}

TEST(ArchitectureWords, AreReplacedAndNothingElseIs) {
  EXPECT_EQ(without_architecture("lib/x86_64-linux-gnu/app-amd64"),
            without_architecture("lib/aarch64-linux-gnu/app-arm64"));
  EXPECT_EQ(without_architecture("/usr/lib/arm-linux-gnueabihf"),
            without_architecture("/usr/lib/x86_64-linux-gnu"));
  EXPECT_EQ(without_architecture("ARM64"), "ARCH");
  for (const char* text : {"/charm/alarm", "arm64x", "army", "/charm/alarmed", "", "x", "1.2.3"}) {
    EXPECT_EQ(without_architecture(text), text);
  }
}

}  // namespace
}  // namespace nodeproof::index
