#include "agent/chain_use.hpp"

#include <gmock/gmock.h>

#include "agent/boot_state.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// base - app - top, other on base, c1 on top, c2 on other.
const std::vector<SnapshotFacts> kSnapshots = {
    {"c1", "top", false},    {"top", "app", true},   {"app", "base", true},  {"base", "", true},
    {"other", "base", true}, {"c2", "other", false}, {"elsewhere", "", true}};

TEST(ChainUse, NamesLayersChildrenFirst) {
  const ChainUse use = use_of("app", kSnapshots, {{"web", "app:1", "c1", {}, "running"}});
  EXPECT_THAT(use.layers, ElementsAre("top", "app"));
  ASSERT_EQ(use.users.size(), 1U);
  EXPECT_EQ(text_of(use.users[0]), "container web (running, image app:1)");
}

TEST(ChainUse, FindsUsersOfOtherImagesOnTheSameLayer) {
  const ChainUse use = use_of("base", kSnapshots, {{"web", "app:1", "c1", {}, ""}});
  EXPECT_EQ(use.layers.back(), "base");
  EXPECT_EQ(use.layers.size(), 4U);
  ASSERT_EQ(use.users.size(), 2U);
  EXPECT_EQ(use.users[0].container + use.users[1].container, "web");
  EXPECT_EQ(use.users[0].snapshot + use.users[1].snapshot, "c2c1");
}

TEST(ChainUse, OfWhatIsNotThereIsNone) {
  EXPECT_THAT(use_of("gone", kSnapshots, {}).layers, IsEmpty());
}

TEST(BootState, KnowsABootThatTheDaemonsStopPreceded) {
  const fakes::TempFolder folder;
  const BootState boots(folder.path());
  EXPECT_FALSE(boots.began_in_order("one")) << "no daemon was ever here";
  ASSERT_TRUE(boots.started("one"));
  EXPECT_FALSE(boots.began_in_order("one"));
  ASSERT_TRUE(boots.stopped("one"));
  EXPECT_FALSE(boots.began_in_order("two")) << "before its daemon has started";
  ASSERT_TRUE(boots.started("two"));
  EXPECT_TRUE(boots.began_in_order("two"));
  ASSERT_TRUE(boots.stopped("two"));
  ASSERT_TRUE(boots.started("two"));
  EXPECT_TRUE(boots.began_in_order("two")) << "a restart of the service is no boot";
  ASSERT_TRUE(boots.started("three"));
  EXPECT_FALSE(boots.began_in_order("three")) << "the second boot ended without a stop";
}

}  // namespace
}  // namespace nodeproof
