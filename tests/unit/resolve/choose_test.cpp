#include "agent/resolve/choose.hpp"

#include <gtest/gtest.h>

namespace nodeproof::resolve {
namespace {

const Platform kArm64{"linux", "arm64", "v8", "", {}};
const Platform kAmd64{"linux", "amd64", "", "", {}};

Descriptor entry(const std::string& platform, std::string_view type = media_type::kOciManifest) {
  Descriptor descriptor{
      std::string(type), *Digest::parse("sha256:" + std::string(64, '1')), 1, {}, {}};
  if (!platform.empty()) descriptor.platform = *parse_platform(platform);
  return descriptor;
}

Descriptor attestation() {
  Descriptor descriptor = entry("linux/arm64");
  descriptor.annotations["vnd.docker.reference.type"] = "attestation-manifest";
  return descriptor;
}

std::optional<std::size_t> chosen(const std::vector<Descriptor>& entries,
                                  const Platform& host = kArm64, ContainerdRules rules = {}) {
  return choose(entries, host, rules).entry;
}

TEST(Choose, TakesTheArm64EntryOnAnArm64Host) {
  const std::vector<Descriptor> entries = {entry("linux/amd64"), entry("linux/arm/v7"),
                                           entry("linux/arm64")};
  const Choice choice = choose(entries, kArm64, {});
  EXPECT_EQ(choice.entry, 2U);
  EXPECT_EQ(choice.sentence, "linux/arm64 is this host's own platform (linux/arm64/v8)");
}

TEST(Choose, TakesTheFirstOfEqualEntries) {
  const std::vector<Descriptor> entries = {entry("linux/amd64"), entry("linux/arm64/v8"),
                                           entry("linux/arm64")};
  const Choice choice = choose(entries, kArm64, {});
  EXPECT_EQ(choice.entry, 1U);
  EXPECT_NE(choice.sentence.find("the first of 2 such entries"), std::string::npos);
}

TEST(Choose, FallsBackToTheHighestArmVariant) {
  const std::vector<Descriptor> entries = {entry("linux/arm/v5"), entry("linux/arm/v7"),
                                           entry("linux/arm/v6"), entry("linux/amd64")};
  const Choice choice = choose(entries, kArm64, {});
  EXPECT_EQ(choice.entry, 1U);
  EXPECT_NE(choice.sentence.find("linux/arm/v7 is the first that containerd falls back to"),
            std::string::npos);
}

TEST(Choose, FallsBackTo386OnlyWithoutAnAmd64Entry) {
  EXPECT_EQ(chosen({entry("linux/386"), entry("linux/amd64")}, kAmd64), 1U);
  EXPECT_EQ(chosen({entry("linux/386"), entry("linux/arm64")}, kAmd64), 0U);
}

TEST(Choose, NeverTakesAmd64LevelsOnAPlainAmd64Host) {
  const std::vector<Descriptor> entries = {entry("linux/amd64/v3"), entry("linux/amd64/v2")};
  const Choice choice = choose(entries, kAmd64, {});
  EXPECT_FALSE(choice.entry);
  EXPECT_NE(choice.sentence.find("linux/amd64/v3, linux/amd64/v2"), std::string::npos);
  EXPECT_NE(choice.sentence.find("level above v1"), std::string::npos);
}

TEST(Choose, TakesNoFallbackForAKubeletOnContainerd21) {
  const ContainerdRules strict{.strict = true};
  const std::vector<Descriptor> entries = {entry("linux/arm/v7")};
  EXPECT_FALSE(chosen(entries, kArm64, strict));
  EXPECT_NE(choose(entries, kArm64, strict).sentence.find("takes no fallback"), std::string::npos);
  EXPECT_EQ(chosen({entry("linux/arm/v7"), entry("linux/arm64")}, kArm64, strict), 1U);
}

TEST(Choose, SkipsAttestations) {
  EXPECT_EQ(chosen({attestation(), entry("unknown/unknown"), entry("linux/arm64")}), 2U);
  EXPECT_FALSE(chosen({attestation(), entry("unknown/unknown")}));
}

TEST(Choose, SkipsWhatIsNoImage) {
  EXPECT_EQ(
      chosen({entry("linux/arm64", "application/vnd.example.artifact"), entry("linux/arm64")}), 1U);
}

TEST(Choose, TakesAnEntryWithoutAPlatformLast) {
  EXPECT_EQ(chosen({entry(""), entry("linux/arm64")}), 1U);
  EXPECT_EQ(chosen({entry(""), entry("linux/arm/v5")}), 1U);
  const Choice choice = choose({entry("linux/amd64"), entry(""), entry("")}, kArm64, {});
  EXPECT_EQ(choice.entry, 1U);
  EXPECT_NE(choice.sentence.find("without a platform"), std::string::npos);
}

TEST(Choose, TakesANestedIndexLikeAnyEntry) {
  EXPECT_EQ(chosen({entry("linux/amd64"), entry("linux/arm64", media_type::kOciIndex)}), 1U);
  EXPECT_EQ(chosen({entry("", media_type::kDockerList)}), 0U);
}

TEST(Choose, SaysWhatExistsWhenNothingFits) {
  std::vector<Descriptor> entries = {entry("linux/amd64"), entry("linux/386"), entry("linux/amd64"),
                                     attestation()};
  const Choice choice = choose(entries, kArm64, {});
  EXPECT_FALSE(choice.entry);
  EXPECT_EQ(choice.sentence, "nothing for linux/arm64/v8: the index offers linux/amd64, linux/386");
  EXPECT_EQ(choose({}, kArm64, {}).sentence,
            "nothing for linux/arm64/v8: the index offers nothing");
}

TEST(Choose, ListsNoMoreThanTwentyPlatforms) {
  std::vector<Platform> platforms;
  for (int i = 0; i < 30; ++i)
    platforms.push_back({"linux", "arch" + std::to_string(i), "", "", {}});
  const std::string text = list_platforms(platforms);
  EXPECT_NE(text.find("arch19"), std::string::npos);
  EXPECT_EQ(text.find("arch20"), std::string::npos);
}

TEST(Choose, PrefersMoreOfTheHostsOsFeaturesSince23) {
  Platform host = kAmd64;
  host.os_features = {"gpu", "simd"};
  std::vector<Descriptor> entries = {entry("linux/amd64"), entry("linux/amd64"),
                                     entry("linux/amd64")};
  entries[1].platform->os_features = {"gpu"};
  entries[2].platform->os_features = {"tpu"};
  EXPECT_EQ(chosen(entries, host, {.os_features = true}), 1U);
  EXPECT_EQ(chosen(entries, host, {}), 0U);
  EXPECT_EQ(chosen(entries, kAmd64, {.os_features = true}), 0U);
}

TEST(Choose, PrintsNoControlCharactersOfAnIndex) {
  std::vector<Descriptor> entries = {entry("linux/amd64")};
  entries[0].platform->architecture = "\x1b[2J\n";
  EXPECT_EQ(choose(entries, kArm64, {}).sentence.find_first_of("\x1b\n"), std::string::npos);
}

}  // namespace
}  // namespace nodeproof::resolve
