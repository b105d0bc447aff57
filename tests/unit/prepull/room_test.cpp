// Whether the images of a set fit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/prepull/two_images.hpp"

namespace nodeproof::prepull {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class Room : public TwoImages {
 protected:
  // Of the first image's own layer it is known that it is large, once it has been fetched.
  PullPorts learning() {
    PullPorts made = ports();
    made.sizes = [this](const Descriptor& layer) -> std::optional<UnpackedSize> {
      if (layer.digest != digest(one, 2) || !rig.store.has_blob(layer.digest)) return {};
      return UnpackedSize{200'000'000, 1};
    };
    return made;
  }
};

// What is free on the one file system of containerd's, of which 10 % stay free.
StoreVolumes disk(std::uint64_t free_bytes) {
  const Volume volume{.id = 1, .bytes = 1'000'000, .free_bytes = free_bytes};
  return {{"/content", volume}, {"/snapshots", volume}};
}

TEST_F(Room, AnImageThatDoesNotFitIsLeftOutBeforeAByteIsFetched) {
  rig.options.keep_free = Amount{.units = 100'000, .percent = 0};
  // The first takes about 5 x 420 kB, the second shares its base and takes 5 x 20 kB more.
  rig.store.set_volumes(disk(2'250'000));
  const auto pulled = pull_both();
  EXPECT_TRUE(pulled[0]) << pulled[0].error().message;
  ASSERT_FALSE(pulled[1]);
  EXPECT_EQ(pulled[1].error().code, Errc::no_space);
  EXPECT_THAT(pulled[1].error().message, HasSubstr("team/two"));
  EXPECT_THAT(pulled[1].error().message, HasSubstr("/content has not enough room: about"));
  EXPECT_FALSE(rig.store.has_blob(digest(two, 2)));
  expect_whole(one);
}

TEST_F(Room, WhatIsKnownOfALayerCountsForMoreThanAnEstimate) {
  rig.options.keep_free = Amount{};
  rig.store.set_volumes(disk(1'000'000));  // far below the estimates
  PullPorts known = ports();
  known.sizes = [](const Descriptor& layer) { return UnpackedSize{layer.size, 1}; };
  PullSet set(both(), known, rig.options, {});
  EXPECT_TRUE(set.wait(0));
  EXPECT_TRUE(set.wait(1));
}

TEST_F(Room, AnImageThatIsKnownNotToFitIsLeftOutAndTheNumberIsNoGuess) {
  rig.options.keep_free = Amount{};
  rig.store.set_volumes(disk(100'000'000));
  PullPorts known = ports();
  known.sizes = [&](const Descriptor& layer) {
    const bool own = layer.digest == digest(one, 2);
    return UnpackedSize{own ? 200'000'000 : layer.size, 1};
  };
  PullSet set(both(), known, rig.options, {});
  const auto pulled = set.wait(0);
  ASSERT_FALSE(pulled);
  EXPECT_THAT(pulled.error().message, HasSubstr("has not enough room: 200.8 MB are needed"));
  EXPECT_EQ(rig.registry.requests(digest(one, 2).str()), 0U);
  EXPECT_TRUE(set.wait(1));
}

// The last layer turns out to be a large one; below it nothing has been unpacked in vain.
TEST_F(Room, AnImageThatTurnsOutNotToFitIsGivenBackBeforeItIsUnpacked) {
  rig.options.keep_free = Amount{};
  rig.options.unpacks = 1;
  rig.store.set_volumes(disk(100'000'000));
  const auto pulled = PullSet({{one, {}, {}}}, learning(), rig.options, {}).wait(0);
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code, Errc::no_space);
  EXPECT_THAT(pulled.error().message, HasSubstr("has not enough room: 200.0 MB are needed"));
  EXPECT_EQ(rig.store.count("unpack " + top(one).str()), 0U);
  EXPECT_THAT(rig.store.lease_ids(), IsEmpty());
}

// Below it lies what both need, and the first is asked for it.
TEST_F(Room, OneThatTurnsOutNotToFitTakesNoOtherWithIt) {
  rig.options.keep_free = Amount{};
  rig.options.unpacks = 1;
  rig.store.set_volumes(disk(100'000'000));
  rig.store.add_blob(own1);  // so that it is known before the base is unpacked
  PullSet set(both(), learning(), rig.options, {});
  EXPECT_FALSE(set.wait(0));
  const auto other = set.wait(1);
  EXPECT_TRUE(other) << other.error().message;
  expect_whole(two);
}

TEST_F(Room, WhatIsNotToBeFetchedNowTakesNone) {
  rig.options.keep_free = Amount{};
  rig.store.set_volumes(disk(2'000'000));  // enough for the second alone
  std::vector<WantedImage> images = both();
  images[0].closed = Error{Errc::deferred, "the window is closed", {}};
  PullSet set(images, ports(), rig.options, {});
  const auto later = set.wait(0);
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code, Errc::deferred);
  EXPECT_TRUE(set.wait(1));
}

TEST_F(Room, WhatIsFetchedInPartTakesItOnce) {
  rig.options.keep_free = Amount{};
  rig.store.set_volumes(disk(1'900'000));  // 160 kB are left to fetch, 4 x 420 kB to unpack
  rig.store.add_ingest(digest(one, 0), base[0].substr(0, kBase - 40'000));
  const auto pulled = PullSet({{one, {}, {}}}, ports(), rig.options, {}).wait(0);
  EXPECT_TRUE(pulled) << pulled.error().message;
}

TEST_F(Room, ASmallImageFitsBehindALargeOneThatDoesNot) {
  rig.options.keep_free = Amount{};
  rig.store.set_volumes(disk(2'000'000));
  const auto pulled = pull_both();
  EXPECT_FALSE(pulled[0]);
  EXPECT_TRUE(pulled[1]) << pulled[1].error().message;
  EXPECT_FALSE(rig.store.has_blob(digest(one, 2)));
  expect_whole(two);
}

TEST_F(Room, WhatIsThereAlreadyNeedsNoRoom) {
  ASSERT_TRUE(pull_both()[0]);
  rig.store.set_volumes(disk(0));
  const auto again = pull_both();
  EXPECT_TRUE(again[0]);
  EXPECT_TRUE(again[1]);
}

}  // namespace
}  // namespace nodeproof::prepull
