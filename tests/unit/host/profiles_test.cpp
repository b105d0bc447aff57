#include "agent/host/profiles.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "agent/host/host.hpp"
#include "common/json.hpp"
#include "tests/fakes/fixtures.hpp"

namespace nodeproof::host {
namespace {

const std::filesystem::path kHosts = fakes::fixtures() / "hosts";

TEST(Profiles, HaveThePagesAndFeaturesOfTheirBoards) {
  struct Pair {
    const char* profile;
    const char* board;
  };
  for (const auto& [name, board] : {Pair{"pi4", "pi4"}, Pair{"pi5", "pi5"}, Pair{"orin", "orin"}}) {
    const HostFacts profile = facts_of(*find_profile(name));
    const HostFacts real = read_host(kHosts / board);
    EXPECT_EQ(to_string(profile.platform), to_string(real.platform)) << name;
    EXPECT_EQ(profile.machine, real.machine) << name;
    EXPECT_EQ(profile.page_size, real.page_size) << name;
    EXPECT_EQ(profile.hwcaps, real.hwcaps) << name;
    EXPECT_TRUE(profile.va_bits == 0 || profile.va_bits == real.va_bits) << name;
  }
}

TEST(Profiles, KnowThePi5sPagesAndThePi4sLackOfAtomics) {
  EXPECT_EQ(facts_of(*find_profile("pi5")).page_size, 16384U);
  const auto lse = [](const char* name) {
    const auto features = facts_of(*find_profile(name)).hwcaps;
    return std::ranges::find(features, "atomics") != features.end();
  };
  EXPECT_TRUE(lse("pi5") && lse("orin") && lse("xavier") && lse("cax") && lse("graviton2"));
  EXPECT_FALSE(lse("pi3") || lse("pi4") || lse("zero2w") || lse("graviton1"));
  EXPECT_EQ(facts_of(*find_profile("amd64-v3")).isa_level, "x86-64-v3");
}

TEST(Profiles, LeaveUnknownWhatOnlyTheHostKnows) {
  std::set<std::string_view> names;
  for (const Profile& profile : profiles()) {
    const HostFacts facts = facts_of(profile);
    EXPECT_TRUE(names.insert(profile.name).second) << profile.name;
    EXPECT_EQ(facts.aarch32, std::nullopt) << profile.name;
    EXPECT_TRUE(facts.kernel_release.empty() && facts.boot_id.empty() && !facts.containerd);
    EXPECT_FALSE(facts.hwcaps.empty()) << profile.name;
    EXPECT_FALSE(profile.origins.empty()) << profile.name;
  }
}

TEST(Profiles, GiveADocumentToStartFrom) {
  for (const Profile& profile : profiles()) {
    const std::string text = to_json(profile);
    const auto back = from_json(text);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_TRUE(*back == facts_of(profile)) << profile.name;
    EXPECT_FALSE(json::parse(text)->find("origins")->members().empty());
  }
  EXPECT_NE(to_table(*find_profile("pi5")).find("bcm2712_defconfig"), std::string::npos);
  EXPECT_NE(profiles_table().find("pi5          Raspberry Pi 5"), std::string::npos);
  EXPECT_EQ(json::parse(profiles_json())->find("profiles")->items().size(), profiles().size());
}

TEST(Profiles, AreFoundByTheirWholeName) {
  EXPECT_EQ(find_profile("pi"), nullptr);
  EXPECT_EQ(find_profile("PI5"), nullptr);
}

}  // namespace
}  // namespace nodeproof::host
