#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/prepull/pull_rig.hpp"

namespace nodeproof::prepull {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t kLarge = 300'000;

// Three layers, resolved.
class Prepull : public testing::Test {
 protected:
  PullRig rig;
  std::vector<std::string> layers{layer_bytes(kLarge, 'a'), layer_bytes(70'000, 'b'),
                                  layer_bytes(100, 'c')};
  ResolvedImage image =
      push_resolved(rig.registry, "registry.test:5000/team/app:1", image_with_layers(layers));

  [[nodiscard]] const Digest& digest(std::size_t layer) const {
    return image.document.layers[layer].digest;
  }
  [[nodiscard]] std::vector<Digest> chain() const { return chain_ids(image.config.diff_ids); }

  void expect_everything_there() {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      EXPECT_TRUE(rig.store.has_blob(digest(i))) << i;
      EXPECT_TRUE(rig.store.has_chain(chain()[i])) << i;
    }
    EXPECT_TRUE(rig.store.has_blob(image.document.config.digest));
    EXPECT_TRUE(rig.store.has_blob(image.manifest.digest));
    EXPECT_TRUE(rig.store.has_blob(image.index->digest));
  }

  void expect_observed_whole(std::size_t layer) {
    const auto seen = rig.observations.of(digest(layer));
    EXPECT_EQ(seen.finished, 1U);
    EXPECT_TRUE(seen.bytes == layers[layer]) << "layer " << layer;
  }
};

TEST_F(Prepull, BringsLayersConfigManifestAndIndexUnderOneLease) {
  const auto pulled = rig.pull(image);
  ASSERT_TRUE(pulled) << pulled.error().message;
  expect_everything_there();
  EXPECT_EQ(pulled->chain, chain());
  EXPECT_EQ(rig.store.lease_ids(), std::vector{pulled->lease});
  EXPECT_EQ(pulled->lease, lease_id_for(image.reference));
  EXPECT_THAT(rig.store.images(), IsEmpty()) << "nothing unproven gets a name";
  rig.store.collect_garbage();
  expect_everything_there();
}

TEST_F(Prepull, FeedsEachObserverOnceWithTheWholeLayer) {
  ASSERT_TRUE(rig.pull(image));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    expect_observed_whole(i);
    EXPECT_EQ(rig.observations.of(digest(i)).made, 1U);
    EXPECT_EQ(rig.registry.requests(digest(i).str()), 1U) << "one read serves store and observer";
  }
}

TEST_F(Prepull, NeverHoldsAWholeLayer) {
  ASSERT_TRUE(rig.pull(image));
  EXPECT_LT(rig.store.largest_write(), kLarge / 4);
}

TEST_F(Prepull, CountsBytesAndLayers) {
  const auto pulled = rig.pull(image);
  ASSERT_TRUE(pulled);
  const std::uint64_t blobs = kLarge + 70'000 + 100;
  EXPECT_EQ(pulled->stats.downloaded_bytes, blobs);
  EXPECT_EQ(pulled->stats.bytes,
            blobs + image.document.config.size + image.manifest.size + image.index->size);
  EXPECT_EQ(pulled->stats.layers, 3U);
  EXPECT_EQ(pulled->stats.reused_layers, 0U);
}

TEST_F(Prepull, ReportsDownloadAndUnpackingToTheEnd) {
  ASSERT_TRUE(rig.pull(image));
  const std::uint64_t blobs = kLarge + 70'000 + 100;
  EXPECT_TRUE(std::ranges::any_of(rig.reports, [&](const Progress& p) {
    return p.phase == Phase::pull && p.done == blobs && p.total == blobs;
  }));
  EXPECT_EQ(rig.reports.back().phase, Phase::unpack);
  EXPECT_EQ(rig.reports.back().done, 3U);
}

TEST_F(Prepull, SecondTimeFetchesUnpacksAndRelabelsNothing) {
  ASSERT_TRUE(rig.pull(image));
  for (std::size_t i = 0; i < layers.size(); ++i) rig.observations.know(digest(i));
  const unsigned before = rig.registry.requests();
  rig.store.forget_log();
  const auto again = rig.pull(image);
  ASSERT_TRUE(again);
  EXPECT_EQ(rig.registry.requests(), before);
  EXPECT_EQ(rig.store.count("unpack "), 0U);
  EXPECT_EQ(rig.store.count("commit "), 0U);
  EXPECT_EQ(rig.store.count("label "), 0U);
  EXPECT_EQ(again->stats.downloaded_bytes, 0U);
  EXPECT_EQ(again->stats.reused_layers, 3U);
}

TEST_F(Prepull, ADocumentThatIsDamagedInTheStoreIsNotTakenForStored) {
  ASSERT_TRUE(rig.pull(image));
  rig.store.replace_bytes(image.document.config.digest, image.config_bytes.substr(1) + " ");
  const auto pulled = rig.pull(image);
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code, Errc::digest_mismatch);
  EXPECT_THAT(pulled.error().message, testing::HasSubstr(image.document.config.digest.str()));
  EXPECT_THAT(pulled.error().remedy, testing::HasSubstr("remove the blob"));
}

TEST_F(Prepull, LeavesTheBlobsOfUnpackedLayersInTheRegistry) {
  rig.store.add_snapshot(chain()[0]);
  rig.store.add_snapshot(chain()[1]);
  rig.observations.know(digest(0));
  rig.observations.know(digest(1));
  const auto pulled = rig.pull(image);
  ASSERT_TRUE(pulled);
  EXPECT_EQ(rig.registry.requests(digest(0).str()), 0U);
  EXPECT_EQ(rig.registry.requests(digest(1).str()), 0U);
  EXPECT_FALSE(rig.store.has_blob(digest(0)));
  EXPECT_TRUE(rig.store.has_chain(chain()[2]));
  EXPECT_EQ(pulled->stats.reused_layers, 2U);
}

TEST_F(Prepull, StreamsAnUnpackedLayerOnlyForItsObserverWhenItsBlobIsGone) {
  rig.store.add_snapshot(chain()[0]);
  const auto pulled = rig.pull(image);
  ASSERT_TRUE(pulled);
  expect_observed_whole(0);
  EXPECT_FALSE(rig.store.has_blob(digest(0))) << "neither stored";
  EXPECT_EQ(rig.store.count("unpack " + chain()[0].str()), 0U) << "nor unpacked";
}

TEST_F(Prepull, ReadsAnUnpackedLayerFromTheContentStoreWhenItIsThere) {
  ASSERT_TRUE(rig.pull(image));
  PullRig other;  // a fresh observer cache on the same store
  LayerObserverFactory observers = other.observations.factory();
  const unsigned before = rig.registry.requests();
  ASSERT_TRUE(prepull(image, {rig.registry, rig.store, observers, rig.progress}, rig.options, {}));
  EXPECT_EQ(rig.registry.requests(), before);
  EXPECT_TRUE(other.observations.of(digest(0)).bytes == layers[0]);
  EXPECT_EQ(other.observations.of(digest(0)).finished, 1U);
}

TEST_F(Prepull, UnpacksAStoredLayerWithoutTheRegistry) {
  rig.store.add_blob(layers[1]);
  ASSERT_TRUE(rig.pull(image));
  EXPECT_EQ(rig.registry.requests(digest(1).str()), 0U);
  expect_observed_whole(1);
  EXPECT_EQ(rig.store.blob_labels(digest(1)).at("containerd.io/distribution.source.registry.test"),
            "team/app");
}

TEST_F(Prepull, GoesOnWhereAnEarlierDownloadStopped) {
  rig.store.add_ingest(digest(0), layers[0].substr(0, 200'000));
  const auto pulled = rig.pull(image);
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_EQ(pulled->stats.downloaded_bytes, kLarge - 200'000 + 70'000 + 100);
  expect_observed_whole(0);
  expect_everything_there();
}

TEST_F(Prepull, CommitsACompleteIngestWithoutTheRegistry) {
  rig.store.add_ingest(digest(0), layers[0]);
  ASSERT_TRUE(rig.pull(image));
  EXPECT_EQ(rig.registry.requests(digest(0).str()), 0U);
  expect_observed_whole(0);
}

TEST_F(Prepull, FetchesABadIngestAnew) {
  rig.store.add_ingest(digest(0), std::string(200'000, 'x'));
  const auto pulled = rig.pull(image);
  ASSERT_TRUE(pulled) << pulled.error().message;
  expect_observed_whole(0);
  expect_everything_there();
}

TEST_F(Prepull, AsksOnceMoreForWrongBytesAndThenNamesTheLayer) {
  rig.registry.replace_bytes(digest(1), layer_bytes(70'000, 'x'));
  const auto pulled = rig.pull(image);
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code, Errc::digest_mismatch);
  EXPECT_THAT(pulled.error().message, HasSubstr("registry.test:5000/team/app:1"));
  EXPECT_THAT(pulled.error().message, HasSubstr("linux/arm64"));
  EXPECT_THAT(pulled.error().message, HasSubstr(digest(1).str()));
  EXPECT_EQ(rig.registry.requests(digest(1).str()), 2U);
  EXPECT_EQ(rig.observations.of(digest(1)).finished, 0U) << "wrong bytes are never called whole";
  EXPECT_THAT(rig.store.ingest(digest(1)), IsEmpty());
  EXPECT_THAT(rig.store.lease_ids(), IsEmpty());
  EXPECT_FALSE(rig.store.has_blob(image.manifest.digest));
}

TEST_F(Prepull, BelievesNoBlobInTheContentStoreUnhashed) {
  ASSERT_TRUE(rig.pull(image));
  rig.store.replace_bytes(digest(2), "rotten");
  PullRig other;
  LayerObserverFactory observers = other.observations.factory();
  const auto again =
      prepull(image, {rig.registry, rig.store, observers, rig.progress}, rig.options, {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::digest_mismatch);
  EXPECT_EQ(other.observations.of(digest(2)).finished, 0U);
}

TEST_F(Prepull, ConvergesAfterABrokenStream) {
  rig.registry.break_off(digest(0), 100'000, 1);
  const auto broken = rig.pull(image);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Errc::truncated);
  EXPECT_EQ(rig.store.lease_ids().size(), 1U) << "the lease keeps what came";
  EXPECT_EQ(rig.store.ingest(digest(0)).size(), 100'000U);
  const auto pulled = rig.pull(image);
  ASSERT_TRUE(pulled) << pulled.error().message;
  expect_observed_whole(0);
  expect_everything_there();
  EXPECT_EQ(rig.registry.blob_bytes_sent(), kLarge + 70'000U + 100U) << "no byte came twice";
}

TEST_F(Prepull, ConvergesAfterAFailedUnpacking) {
  rig.store.fail_with("unpack " + chain()[1].str(), {Errc::io, "disk trouble", {}}, 1);
  ASSERT_FALSE(rig.pull(image));
  EXPECT_FALSE(rig.store.has_blob(image.manifest.digest)) << "a manifest means the image is whole";
  ASSERT_TRUE(rig.pull(image));
  expect_everything_there();
}

TEST_F(Prepull, GivesTheDiskBackWhenItIsFull) {
  rig.store.fail_with("write " + digest(0).str(), {Errc::no_space, "no space left", {}});
  const auto pulled = rig.pull(image);
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code, Errc::no_space);
  EXPECT_THAT(rig.store.lease_ids(), IsEmpty());
}

TEST_F(Prepull, StopsWhenAskedAndKeepsTheLease) {
  std::stop_source stop;
  LayerObserverFactory observers = [&](const ObservedLayer&) {
    stop.request_stop();
    return std::unique_ptr<LayerObserver>();
  };
  const auto pulled = prepull(image, {rig.registry, rig.store, observers, rig.progress},
                              rig.options, stop.get_token());
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code, Errc::cancelled);
  EXPECT_EQ(rig.store.lease_ids().size(), 1U);
  ASSERT_TRUE(rig.pull(image));
  expect_everything_there();
}

TEST_F(Prepull, CommitsChildrenBeforeTheirParentsAndSyncsLast) {
  ASSERT_TRUE(rig.pull(image));
  const auto log = rig.store.log();
  const auto at = [&](const std::string& line) {
    return std::ranges::find(log, line) - log.begin();
  };
  EXPECT_LT(at("commit " + digest(0).str()), at("commit " + image.document.config.digest.str()));
  EXPECT_LT(at("commit " + image.document.config.digest.str()),
            at("commit " + image.manifest.digest.str()));
  EXPECT_LT(at("commit " + image.manifest.digest.str()), at("commit " + image.index->digest.str()));
  EXPECT_EQ(log.back(), "sync");
}

TEST_F(Prepull, FetchesALayerThatOccursTwiceOnce) {
  const ResolvedImage twice = push_resolved(rig.registry, "registry.test/twice:1",
                                            image_with_layers({layers[1], layers[2], layers[1]}));
  ASSERT_TRUE(rig.pull(twice));
  EXPECT_EQ(rig.registry.requests(digest(1).str()), 1U);
  EXPECT_EQ(rig.observations.of(digest(1)).made, 1U);
  EXPECT_EQ(rig.store.count("unpack "), 3U);
}

TEST_F(Prepull, RefusesAManifestWhoseConfigCountsOtherLayers) {
  image.config.diff_ids.pop_back();
  const auto pulled = rig.pull(image);
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code, Errc::invalid_document);
  EXPECT_EQ(rig.registry.requests(digest(0).str()), 0U);
}

TEST_F(Prepull, PullsManyLayersOnFewThreads) {
  std::vector<std::string> many;
  many.reserve(40);
  for (int i = 0; i < 40; ++i) many.push_back(layer_bytes(20'000, static_cast<char>(i)));
  const ResolvedImage wide =
      push_resolved(rig.registry, "registry.test/wide:1", image_with_layers(many));
  rig.options.parallel = 4;
  const auto pulled = rig.pull(wide);
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_EQ(pulled->stats.downloaded_bytes, 40U * 20'000U);
}

TEST_F(Prepull, PullsTwoImagesThatShareLayersAtTheSameTime) {
  const ResolvedImage other = push_resolved(rig.registry, "registry.test/other:1",
                                            image_with_layers({layers[1], layers[0]}));
  rig.store.add_blob(layers[0]);
  rig.store.add_blob(layers[1]);
  Result<PulledImage> first = fail(Errc::internal, "not run"), second = first;
  {
    const std::jthread one([&] { first = rig.pull(image); });
    const std::jthread two([&] { second = rig.pull(other); });
  }
  EXPECT_TRUE(first);
  EXPECT_TRUE(second);
}

}  // namespace
}  // namespace nodeproof::prepull
