#include "common/amount.hpp"

#include <gtest/gtest.h>

#include "common/file_system.hpp"

namespace nodeproof {
namespace {

TEST(Amount, ReadsWhatPeopleAndKubernetesWrite) {
  struct Case {
    const char* text;
    std::uint64_t units;
  };
  for (const auto& [text, units] : {Case{"0", 0},
                                    {"1234", 1234},
                                    {"100Mi", 104'857'600},
                                    {"1.5Gi", 1'610'612'736},
                                    {"2GB", 2'000'000'000},
                                    {"500MiB", 524'288'000},
                                    {"10k", 10'000},
                                    {"3T", 3'000'000'000'000}}) {
    const auto amount = parse_amount(text);
    ASSERT_TRUE(amount) << text;
    EXPECT_EQ(amount->of(1), units) << text;
  }
}

TEST(Amount, IsAShareOfTheWhole) {
  EXPECT_EQ(parse_amount("15%")->of(1000), 150U);
  EXPECT_EQ(parse_amount("12.5%")->of(1000), 125U);
  EXPECT_EQ(parse_amount("0%")->of(1000), 0U);
  EXPECT_EQ(parse_amount("100%")->of(1000), 1000U);
}

TEST(Amount, RefusesWhatIsNone) {
  for (const char* text : {"", "%", "-1", "1 GB", "GB", "1XB", "101%", "1e3", "nan", "inf", "0x10",
                           "99999999T", "1GiBB", "1iB"}) {
    EXPECT_FALSE(parse_amount(text)) << text;
  }
}

TEST(FileSystem, TellsTwoPathsOfOneFromTwo) {
  const auto root = volume_of("/proc/self");
  const auto same = volume_of("/proc");
  const auto other = volume_of("/");
  ASSERT_TRUE(root && same && other);
  EXPECT_EQ(root->id, same->id);
  EXPECT_NE(root->id, other->id);
  EXPECT_GT(other->bytes, 0U);
  EXPECT_LE(other->free_bytes, other->bytes);
  EXPECT_EQ(volume_of("/does/not/exist").error().code, Errc::not_found);
}

}  // namespace
}  // namespace nodeproof
