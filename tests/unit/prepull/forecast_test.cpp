#include "agent/prepull/forecast.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/prepull/pull_rig.hpp"

namespace nodeproof::prepull {
namespace {

using testing::IsEmpty;

constexpr std::uint64_t kBase = 30'000, kOne = 7'000, kTwo = 2'000;

class ForecastTest : public testing::Test {
 protected:
  SetForecast both(std::uint64_t keep_free = 0) {
    rig.options.keep_free = Amount{.units = keep_free};
    return forecast({&one, &two}, {rig.store, sizes}, rig.options, {});
  }
  void volumes(std::uint64_t free, std::uint64_t content = 1, std::uint64_t snapshots = 1) {
    const Volume volume{.id = content, .bytes = 1'000'000, .free_bytes = free};
    Volume other = volume;
    other.id = snapshots;
    rig.store.set_volumes({{"/content", volume}, {"/snapshots", other}});
  }

  PullRig rig;
  UnpackedSizes sizes;
  const std::string base = layer_bytes(kBase, 'a');
  const ResolvedImage one = push_resolved(rig.registry, "registry.test/team/one:1",
                                          image_with_layers({base, layer_bytes(kOne, 'b')}));
  const ResolvedImage two = push_resolved(rig.registry, "registry.test/team/two:1",
                                          image_with_layers({base, layer_bytes(kTwo, 'c')}));
};

TEST_F(ForecastTest, CountsWhatIsSharedOnce) {
  const SetForecast found = both();
  EXPECT_EQ(found.fetch, kBase + kOne + kTwo);
  EXPECT_EQ(found.images[0].fetch, kBase + kOne);
  EXPECT_EQ(found.images[0].shared, 0U);
  EXPECT_EQ(found.images[1].fetch, kTwo);
  EXPECT_EQ(found.images[1].shared, kBase);
  EXPECT_EQ(found.images[1].bytes, kBase + kTwo);
  EXPECT_TRUE(found.images[1].need.estimated);
}

TEST_F(ForecastTest, KnowsWhatIsHere) {
  rig.store.add_blob(layer_bytes(kOne, 'b'));
  rig.store.add_snapshot(chain_ids(one.config.diff_ids)[0]);
  const SetForecast found = both();
  EXPECT_EQ(found.images[0].fetch, 0U);
  EXPECT_EQ(found.images[0].unpacked_layers, 1U);
  EXPECT_EQ(found.images[0].need.unpacked, estimate(kOne).bytes) << "stored, to be unpacked";
  EXPECT_EQ(found.images[1].fetch, kTwo);
  EXPECT_EQ(found.images[1].shared, 0U);
}

TEST_F(ForecastTest, ChangesNothing) {
  volumes(500'000);
  both();
  EXPECT_THAT(rig.store.log(), IsEmpty());
  EXPECT_THAT(rig.store.lease_ids(), IsEmpty());
}

TEST_F(ForecastTest, SaysWhichImageDoesNotFit) {
  volumes(kBase + kOne + estimate(kBase + kOne).bytes + 1000);
  const SetForecast found = both();
  EXPECT_FALSE(found.images[0].problem);
  ASSERT_TRUE(found.images[1].problem);
  EXPECT_EQ(found.images[1].problem->code, Errc::no_space);
  EXPECT_EQ(found.fetch, kBase + kOne) << "of those that fit";
}

TEST_F(ForecastTest, AFileSystemIsNamedOnce) {
  volumes(900'000);
  SetForecast found = both();
  ASSERT_EQ(found.places.size(), 1U);
  EXPECT_EQ(found.places[0].need,
            found.fetch + found.images[0].need.unpacked + found.images[1].need.unpacked);
  volumes(900'000, 1, 2);
  found = both();
  ASSERT_EQ(found.places.size(), 2U);
  EXPECT_EQ(found.places[0].need, found.fetch);
}

TEST_F(ForecastTest, TakesSizesThatAreKnown) {
  sizes = [](const Descriptor&) { return UnpackedSize{.bytes = 11, .files = 1}; };
  const SetForecast found = both();
  EXPECT_EQ(found.images[0].need.unpacked, 22U);
  EXPECT_FALSE(found.images[0].need.estimated);
}

TEST_F(ForecastTest, AnImageThatCannotBeUnpackedIsOneProblem) {
  ResolvedImage flat = one;
  flat.document.layers.clear();
  const SetForecast found = forecast({&flat, &two}, {rig.store, sizes}, rig.options, {});
  ASSERT_TRUE(found.images[0].problem);
  EXPECT_EQ(found.images[0].problem->code, Errc::unsupported);
  EXPECT_EQ(found.images[1].fetch, kBase + kTwo);
}

}  // namespace
}  // namespace nodeproof::prepull
