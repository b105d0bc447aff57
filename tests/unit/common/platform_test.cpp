#include "common/platform.hpp"

#include <gtest/gtest.h>

#include <iostream>

#include "common/known_platform.hpp"
#include "tests/fakes/fixtures.hpp"
#include "tests/fakes/vectors.hpp"

namespace nodeproof {
namespace {

struct Case {
  std::string_view text, normal;
};

// containerd/platforms TestParseSelector (the entries without wildcards) and database.go's aliases.
TEST(Platform, NormalisesAsContainerdDoes) {
  const Case cases[] = {
      {"linux/arm64", "linux/arm64"},
      {"linux/arm64/v8", "linux/arm64"},
      {"linux/arm64/8", "linux/arm64"},
      {"linux/arm64/v8.0", "linux/arm64"},
      {"linux/aarch64", "linux/arm64"},
      {"linux/aarch64/v8", "linux/arm64"},
      {"linux/arm64/v8.1", "linux/arm64/v8.1"},
      {"linux/arm64/9", "linux/arm64/v9"},
      {"linux/arm64/9.0", "linux/arm64/v9"},
      {"linux/arm64/v9.0", "linux/arm64/v9"},
      {"linux/arm64/v9.2", "linux/arm64/v9.2"},
      {"linux/arm", "linux/arm/v7"},
      {"linux/arm/7", "linux/arm/v7"},
      {"linux/arm/v7", "linux/arm/v7"},
      {"linux/arm/6", "linux/arm/v6"},
      {"linux/arm/v6", "linux/arm/v6"},
      {"linux/arm/5", "linux/arm/v5"},
      {"linux/arm/8", "linux/arm/v8"},
      {"linux/armhf", "linux/arm/v7"},
      {"linux/armel", "linux/arm/v6"},
      {"linux/armhf/v6", "linux/arm/v7"},
      {"armel", "linux/arm/v6"},
      {"Aarch64", "linux/arm64"},
      {"x86_64", "linux/amd64"},
      {"Linux/x86_64", "linux/amd64"},
      {"linux/x86-64/v1", "linux/amd64"},
      {"linux/amd64/v1", "linux/amd64"},
      {"linux/amd64/V2", "linux/amd64/v2"},
      {"i386", "linux/386"},
      {"linux/i386/v1", "linux/386"},
      {"linux/386", "linux/386"},
      {"s390x", "linux/s390x"},
      {"linux/riscv64", "linux/riscv64"},
      {"macOS/arm64", "darwin/arm64"},
      {"windows(10.0.17763)/amd64", "windows(10.0.17763)/amd64"},
  };
  for (const Case& c : cases) {
    const auto platform = parse_platform(c.text);
    ASSERT_TRUE(platform) << c.text;
    EXPECT_EQ(to_string(*platform), c.normal) << c.text;
    EXPECT_EQ(normalize(*platform), *platform) << c.text;
  }
}

void check_published(const std::string& kind, const std::string& input, const std::string& other) {
  const auto platform = parse_platform(input);
  ASSERT_EQ(platform.has_value(), kind == "is" || kind == "same") << input;
  if (kind == "is") {
    EXPECT_EQ(to_string(*platform), other) << input;
  } else if (kind == "same") {
    EXPECT_EQ(*platform, parse_platform(other).value()) << input << " and " << other;
  }
}

TEST(Platform, AgreesWithContainerdsPublishedVectors) {
  std::size_t count = 0;
  for (const auto& v :
       read_vectors((fakes::fixtures() / "vectors/platform-parse.tsv").string(), 3)) {
    ++count;
    check_published(v[0], v[1], v[2]);
  }
  std::cout << count << " platform vectors ran\n";
  EXPECT_EQ(count, 44U);
}

TEST(Platform, RefusesAnOperatingSystemAlone) {
  const auto platform = parse_platform("linux");
  ASSERT_FALSE(platform);
  EXPECT_NE(platform.error().message.find("no architecture"), std::string::npos);
}

TEST(Platform, RefusesWhatIsNoPlatform) {
  for (const std::string_view text : {"", "/linux/arm", "linux/arm/", "linux /arm", "linux/&arm",
                                      "linux/arm/foo/bar", "linux//v7", "*/arm64", "linux/arm\n"}) {
    EXPECT_FALSE(parse_platform(text)) << text;
  }
}

TEST(Platform, IsKnownWhenGoHasANameForBothItsParts) {
  for (const std::string_view text : {"linux/arm64", "arm", "x86_64", "linux/riscv64",
                                      "windows/amd64", "linux/loong64", "linux/s390x"}) {
    EXPECT_TRUE(is_known(*parse_platform(text))) << text;
  }
  for (const std::string_view text : {"bogus", "linux/amr64", "linus/arm64", "linux/v8"}) {
    EXPECT_FALSE(is_known(*parse_platform(text))) << text;
  }
}

TEST(Platform, LeavesOutEmptyParts) {
  EXPECT_EQ(to_string(Platform{"linux", "", "", "", {}}), "linux");
  EXPECT_EQ(to_string(Platform{"", "arm64", "v8", "", {}}), "arm64/v8");
  EXPECT_EQ(to_string(Platform{}), "");
}

TEST(Platform, AnAbsentOsIsLinux) {
  EXPECT_EQ(to_string(normalize(Platform{"", "aarch64", "", "", {}})), "linux/arm64");
}

TEST(Platform, SortsAndThinsOsFeatures) {
  const Platform platform = normalize(Platform{"linux", "amd64", "", "", {"b", "a", "b"}});
  EXPECT_EQ(platform.os_features, (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace nodeproof
