// Layers that nodeproof unpacks itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_unpacker.hpp"
#include "tests/unit/prepull/pull_rig.hpp"

namespace nodeproof::prepull {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Three layers; the lowest is by far the largest, so that the others are there before it.
class Staging : public testing::Test {
 protected:
  Staging() { rig.unpack = {&unpacker, ""}; }

  PullRig rig;
  FakeUnpacker unpacker;
  std::vector<std::string> layers{layer_bytes(300'000, 'a'), layer_bytes(70'000, 'b'),
                                  layer_bytes(100, 'c')};
  ResolvedImage image =
      push_resolved(rig.registry, "registry.test:5000/team/app:1", image_with_layers(layers));

  [[nodiscard]] const Digest& digest(std::size_t layer) const {
    return image.document.layers[layer].digest;
  }
  [[nodiscard]] std::string chain(std::size_t layer) const {
    return chain_ids(image.config.diff_ids)[layer].str();
  }
  [[nodiscard]] unsigned applied_by_containerd() const { return rig.store.count("unpack "); }

  void expect_complete() {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      EXPECT_TRUE(rig.store.has_chain(*Digest::parse(chain(i)))) << i;
    }
    expect_nothing_left();
  }
  void expect_nothing_left() {
    EXPECT_THAT(rig.store.active_keys(), IsEmpty());
    EXPECT_EQ(unpacker.open(), 0);
  }
};

TEST_F(Staging, EachLayerIsWrittenOnceFromTheOneStream) {
  const auto pulled = rig.pull(image);
  ASSERT_TRUE(pulled) << pulled.error().message;
  expect_complete();
  EXPECT_EQ(pulled->stats.unpacked, (Unpacked{.by_nodeproof = 3, .by_containerd = 0}));
  EXPECT_EQ(applied_by_containerd(), 0U);
  EXPECT_EQ(rig.store.count("read "), 0U) << "the store was not asked for what has just passed";
  const auto written = unpacker.written();
  EXPECT_TRUE(written.at("/fake/stage " + pulled->lease + " " + chain(0)).bytes == layers[0]);
  for (const std::size_t i : {1U, 2U}) {
    const auto& one = written.at("/fake/extract " + pulled->lease + " " + chain(i));
    EXPECT_TRUE(one.bytes == layers[i]) << i;
    EXPECT_EQ(one.whiteouts, Whiteouts::overlay);
  }
}

TEST_F(Staging, TheBottomLayerHasNothingBelowItToHide) {
  ASSERT_TRUE(rig.pull(image));
  for (const auto& [directory, one] : unpacker.written()) {
    const bool bottom = directory.ends_with(chain(0));
    EXPECT_EQ(one.whiteouts, bottom ? Whiteouts::remove : Whiteouts::overlay) << directory;
  }
}

TEST_F(Staging, ALayerGetsItsPlaceAboveItsParent) {
  ASSERT_TRUE(rig.pull(image));
  const auto adoptions = unpacker.adoptions();
  ASSERT_EQ(adoptions.size(), 2U);
  EXPECT_THAT(adoptions[0].lower, ElementsAre("/fake/" + chain(0)));
  EXPECT_THAT(adoptions[1].lower, ElementsAre("/fake/" + chain(1)));
  EXPECT_EQ(adoptions[0].layer.bytes, layers[1].size());
}

TEST_F(Staging, WithoutAnUnpackerContainerdUnpacksAndTheReasonIsSaid) {
  rig.unpack = {nullptr, "the configuration says so"};
  const auto pulled = rig.pull(image);
  ASSERT_TRUE(pulled);
  expect_complete();
  EXPECT_EQ(pulled->stats.unpacked, (Unpacked{0, 3, {"the configuration says so"}}));
  EXPECT_EQ(applied_by_containerd(), 3U);
}

TEST_F(Staging, AStoreWhoseMountsAreNotPlainLeavesAllToContainerd) {
  for (std::size_t i = 0; i < 3; ++i) {
    rig.store.fail_with("stage " + chain(i), {Errc::unsupported, "overlay with userxattr", ""});
  }
  const auto pulled = rig.pull(image);
  ASSERT_TRUE(pulled);
  expect_complete();
  EXPECT_EQ(pulled->stats.unpacked.by_containerd, 3U);
  EXPECT_THAT(pulled->stats.unpacked.reasons, ElementsAre("overlay with userxattr"))
      << "said once, and not asked for each layer again";
}

TEST_F(Staging, AHostThatDoesNotAllowItLeavesAllToContainerd) {
  unpacker.refuse({Errc::unsupported, "chroot is not permitted", ""});
  const auto pulled = rig.pull(image);
  ASSERT_TRUE(pulled);
  expect_complete();
  EXPECT_EQ(pulled->stats.unpacked.by_containerd, 3U);
  EXPECT_THAT(pulled->stats.unpacked.reasons[0], HasSubstr("chroot is not permitted"));
}

TEST_F(Staging, ALayerThatIsNotForUsIsContainerdsAndTheOthersAreOurs) {
  unpacker.fail_adopting({Errc::unsupported, "opaque directories need CAP_SYS_ADMIN", ""});
  const auto pulled = rig.pull(image);
  ASSERT_TRUE(pulled) << pulled.error().message;
  expect_complete();
  EXPECT_EQ(pulled->stats.unpacked.by_nodeproof, 1U) << "the bottom layer needs no adoption";
  EXPECT_EQ(pulled->stats.unpacked.by_containerd, 2U);
  EXPECT_THAT(pulled->stats.unpacked.reasons[0],
              HasSubstr("layer " + digest(1).str() + ": opaque directories need"));
}

TEST_F(Staging, AFailedWriterIsAnErrorAndNoFallbackHidesIt) {
  unpacker.fail_at_end({Errc::no_space, "usr/bin/app: No space left on device", ""});
  const auto pulled = rig.pull(image);
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code, Errc::no_space);
  EXPECT_THAT(pulled.error().message, HasSubstr("usr/bin/app: No space left"));
  EXPECT_EQ(applied_by_containerd(), 0U);
  expect_nothing_left();
}

TEST_F(Staging, AWriterThatWasNotGivenAllCommitsNothing) {
  unpacker.take_nothing();
  EXPECT_FALSE(rig.pull(image));
  EXPECT_EQ(rig.store.count("snap "), 0U);
  EXPECT_EQ(applied_by_containerd(), 0U);
  expect_nothing_left();
}

TEST_F(Staging, WhatCannotFitIsGivenBackWhileItIsWritten) {
  const std::string large = layer_bytes(80'000'000, 'x');
  const ResolvedImage bomb =
      push_resolved(rig.registry, "registry.test:5000/team/bomb:1", image_with_layers({large}));
  rig.options.keep_free = Amount{.units = 1'000'000'000, .percent = 0};
  const auto free = [this](std::uint64_t bytes) {
    const Volume disk{.id = 1, .bytes = 2'000'000'000'000, .free_bytes = bytes};
    rig.store.set_volumes({{"/fake", disk}, {"/fake", disk}});
  };
  free(1'500'000'000);
  unpacker.when_written([&](std::uint64_t bytes) { free(1'500'000'000 - 8 * bytes); });
  const auto pulled = rig.pull(bomb);
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code, Errc::no_space);
  expect_nothing_left();
}

TEST_F(Staging, AWrongDiffIdCommitsNothing) {
  image.config.diff_ids[0] = image.config.diff_ids[1];
  const auto pulled = rig.pull(image);
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code, Errc::digest_mismatch);
  EXPECT_THAT(pulled.error().message, HasSubstr("unpacking layer " + digest(0).str()));
  EXPECT_THAT(pulled.error().message, HasSubstr("but the image's config says"));
  EXPECT_EQ(rig.store.count("snap "), 0U);
  EXPECT_EQ(applied_by_containerd(), 0U);
  expect_nothing_left();
}

TEST_F(Staging, WhatIsStoredAlreadyIsReadFromTheStore) {
  for (const std::string& layer : layers) rig.store.add_blob(layer);
  for (std::size_t i = 0; i < 3; ++i) rig.observations.know(digest(i));
  const auto pulled = rig.pull(image);
  ASSERT_TRUE(pulled) << pulled.error().message;
  expect_complete();
  EXPECT_EQ(pulled->stats.unpacked.by_nodeproof, 3U);
  EXPECT_EQ(rig.store.count("read "), 3U);
}

TEST_F(Staging, AContinuedDownloadIsStagedFromTheStoreWhenTheWholeIsThere) {
  rig.store.add_ingest(digest(0), layers[0].substr(0, 1000));
  const auto pulled = rig.pull(image);
  ASSERT_TRUE(pulled) << pulled.error().message;
  expect_complete();
  EXPECT_EQ(rig.store.count("read " + digest(0).str()), 1U);
  EXPECT_EQ(pulled->stats.unpacked.by_nodeproof, 3U);
}

TEST_F(Staging, TheSameLayerTwiceIsWrittenTwice) {
  const std::string once = layer_bytes(5000, 'x');
  const ResolvedImage twice = push_resolved(rig.registry, "registry.test:5000/team/twice:1",
                                            image_with_layers({once, layers[1], once}));
  const auto pulled = rig.pull(twice);
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_EQ(pulled->stats.unpacked.by_nodeproof, 3U);
  expect_nothing_left();
}

TEST_F(Staging, AStoreThatCopiesWhatIsBelowIsWrittenInOrder) {
  rig.store.set_copying();
  rig.options.snapshotter = "native";
  const auto pulled = rig.pull(image);
  ASSERT_TRUE(pulled) << pulled.error().message;
  expect_complete();
  EXPECT_EQ(pulled->stats.unpacked.by_nodeproof, 3U);
  EXPECT_THAT(unpacker.adoptions(), IsEmpty());
  EXPECT_EQ(rig.store.count("stage "), 1U) << "only the bottom layer";
  for (const auto& [directory, one] : unpacker.written()) {
    EXPECT_EQ(one.whiteouts, Whiteouts::remove) << directory;
  }
}

TEST_F(Staging, AnotherClientHavingBeenFasterIsSuccess) {
  rig.store.add_snapshot(*Digest::parse(chain(0)));
  const auto pulled = rig.pull(image);
  ASSERT_TRUE(pulled) << pulled.error().message;
  expect_complete();
}

TEST_F(Staging, AKilledPullLeavesWhatTheNextOneReplaces) {
  rig.store.die_after(12);
  ASSERT_FALSE(rig.pull(image));
  rig.store.die_after(std::nullopt);
  const auto pulled = rig.pull(image);
  ASSERT_TRUE(pulled) << pulled.error().message;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    EXPECT_TRUE(rig.store.has_chain(*Digest::parse(chain(i)))) << i;
  }
}

}  // namespace
}  // namespace nodeproof::prepull
