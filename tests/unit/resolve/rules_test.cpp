#include "agent/resolve/rules.hpp"

#include <gtest/gtest.h>

#include <iostream>
#include <string>

#include "agent/resolve/choose.hpp"
#include "tests/fakes/fixtures.hpp"
#include "tests/fakes/vectors.hpp"

namespace nodeproof::resolve {
namespace {

using Arm64 = ContainerdRules::Arm64;
using Names = std::vector<std::string>;

constexpr ContainerdRules kPlain{.arm64 = Arm64::plain};
constexpr ContainerdRules kArithmetic{.arm64 = Arm64::arithmetic};
constexpr ContainerdRules kTable{.arm64 = Arm64::table};
constexpr ContainerdRules kStrict{.arm64 = Arm64::table, .strict = true};

bool takes(const std::string& host, const std::string& offered, ContainerdRules rules) {
  for (const Platform& wanted : acceptable(*parse_platform(host), rules)) {
    if (matches(wanted, *parse_platform(offered), rules)) return true;
  }
  return false;
}

std::vector<ContainerdRules> rules_named(const std::string& name) {
  if (name == "strict") return {kStrict};
  if (name == "levels") return {kArithmetic, kTable};
  return {kPlain, kArithmetic, kTable};
}

TEST(Rules, AgreeWithContainerdsPublishedVectors) {
  std::size_t count = 0;
  for (const auto& v :
       read_vectors((fakes::fixtures() / "vectors/platform-match.tsv").string(), 4)) {
    ++count;
    for (const ContainerdRules& rules : rules_named(v[0])) {
      EXPECT_EQ(takes(v[1], v[3], rules), v[2] == "takes")
          << v[0] << ": " << v[1] << " " << v[2] << " " << v[3];
    }
  }
  std::cout << count << " platform vectors ran\n";
  EXPECT_EQ(count, 248U) << "a vector that is gone is a rule nobody checks";
}

Names order(const std::string& host, ContainerdRules rules) {
  Names names;
  for (const Platform& platform : acceptable(*parse_platform(host), rules)) {
    names.push_back(to_string(platform));
  }
  return names;
}

const Names kArmFromV8 = {"linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"};

Names then_arm(Names names) {
  names.insert(names.end(), kArmFromV8.begin(), kArmFromV8.end());
  return names;
}

TEST(Rules, OrderTheHostsOwnPlatformFirst) {
  for (const ContainerdRules& rules : {kPlain, kArithmetic, kTable}) {
    EXPECT_EQ(order("linux/arm64/v8", rules), then_arm({"linux/arm64"}));
    EXPECT_EQ(order("linux/amd64", rules), (Names{"linux/amd64", "linux/386"}));
    EXPECT_EQ(order("linux/amd64/v3", rules),
              (Names{"linux/amd64/v3", "linux/amd64/v2", "linux/amd64/v1", "linux/386"}));
    EXPECT_EQ(order("linux/riscv64", rules), Names{"linux/riscv64"});
  }
  EXPECT_EQ(order("linux/arm64/v8", kStrict), Names{"linux/arm64"});
}

TEST(Rules, Version1KnowsNoLevels) {
  EXPECT_EQ(order("linux/arm64/v8.1", kPlain), (Names{"linux/arm64/v8.1", "linux/arm/v8.1"}));
  EXPECT_FALSE(takes("linux/arm64/v9", "linux/arm64/v8", kPlain));
}

TEST(Rules, TheTableEndsAtTheLevelsThatExist) {
  EXPECT_EQ(
      order("linux/arm64/v9.6", kTable),
      then_arm({"linux/arm64/v9.6", "linux/arm64/v9.5", "linux/arm64/v9.4", "linux/arm64/v9.3",
                "linux/arm64/v9.2", "linux/arm64/v9.1", "linux/arm64/v9", "linux/arm64/v8.9",
                "linux/arm64/v8.8", "linux/arm64/v8.7", "linux/arm64/v8.6", "linux/arm64/v8.5",
                "linux/arm64/v8.4", "linux/arm64/v8.3", "linux/arm64/v8.2", "linux/arm64/v8.1",
                "linux/arm64/v8"}));
  EXPECT_TRUE(takes("linux/arm64/v9.6", "linux/arm64/v8.11", kArithmetic));
  for (const char* host :
       {"linux/arm64/v10", "linux/arm64/v8.10", "linux/arm64/v9.8", "linux/arm64/x"}) {
    EXPECT_TRUE(order(host, kTable).empty()) << host;
  }
}

struct VersionCase {
  std::string version;
  bool kubelet;
  ContainerdRules rules;
};

TEST(Rules, FollowContainerdsVersion) {
  const VersionCase cases[] = {
      {"1.6.20~ds1", true, kPlain},
      {"1.7.24", true, kPlain},
      {"v1.7.23-k3s2", true, kPlain},
      {"2.0.0", true, kArithmetic},
      {"2.0.6", false, kArithmetic},
      {"2.0.7", true, kTable},
      {"2.1.4~ds2", false, kTable},
      {"2.1.4", true, kStrict},
      {"2.2.0", false, {.config_decides = true}},
      {"2.3.0", true, {.strict = true, .config_decides = true, .os_features = true}},
      {"", true, kTable},
      {"unknown", false, kPlain},
  };
  for (const VersionCase& c : cases) {
    ContainerdFacts facts;
    facts.version = c.version;
    facts.cri = c.kubelet;
    facts.namespace_ = c.kubelet ? "k8s.io" : "default";
    EXPECT_EQ(rules_of(facts), c.rules) << c.version;
  }
  EXPECT_EQ(rules_of({}), kTable);
}

TEST(Rules, OsFeaturesMustBeTheHostsSince23) {
  const ContainerdRules features{.os_features = true};
  const Platform plain{"linux", "amd64", "", "", {}};
  const Platform gpu{"linux", "amd64", "", "", {"gpu"}};
  const Platform both{"linux", "amd64", "", "", {"simd", "gpu"}};
  EXPECT_TRUE(matches(gpu, plain, features));
  EXPECT_TRUE(matches(both, gpu, features));
  EXPECT_FALSE(matches(plain, gpu, features));
  EXPECT_FALSE(matches(gpu, both, features));
  EXPECT_TRUE(matches(plain, gpu, kTable));
}

}  // namespace
}  // namespace nodeproof::resolve
