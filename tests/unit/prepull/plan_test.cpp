#include "agent/prepull/plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/crypto.hpp"

namespace nodeproof::prepull {
namespace {

using Numbers = std::vector<std::size_t>;

Digest digest(const std::string& name) { return hash_of(as_bytes(name)); }

// Each letter is a layer whose blob has that many bytes; layers are called "a".."z", their chain
// IDs by all below: "a", "ab" ...
struct Made {
  ImageLayers image;

  Made& layer(const std::string& name, std::uint64_t size, LayerState state = {}) {
    path_ += name;
    image.layers.push_back(
        {"application/vnd.oci.image.layer.v1.tar+gzip", digest(name), size, {}, {}});
    image.chain.push_back(digest("chain " + path_));
    image.states.push_back(state);
    return *this;
  }

 private:
  std::string path_;
};

constexpr LayerState kUnpacked{.unpacked = true, .stored = false};
constexpr LayerState kStored{.unpacked = false, .stored = true};

PullPlan plan_of(const std::vector<Made>& images) {
  std::vector<ImageLayers> layers;
  for (const Made& made : images) layers.push_back(made.image);
  return plan(layers);
}

TEST(Plan, OfNothingIsEmpty) {
  const PullPlan made = plan({});
  EXPECT_TRUE(made.blobs.empty() && made.unpacks.empty() && made.images.empty());
}

TEST(Plan, DownloadsAndUnpacksWhatIsNotThereBottomUp) {
  const PullPlan made = plan_of({Made().layer("a", 10).layer("b", 20)});
  EXPECT_EQ(made.blobs,
            (std::vector<BlobJob>{{{{0, 0}}, Need::download, 10}, {{{0, 1}}, Need::download, 20}}));
  EXPECT_EQ(made.unpacks, (std::vector<UnpackJob>{{{{0, 0}}, 0, std::nullopt}, {{{0, 1}}, 1, 0}}));
  EXPECT_EQ(made.images, (std::vector<ImageJobs>{{{0, 1}, {0, 1}, 30}}));
  EXPECT_EQ(made.download_bytes, 30U);
}

TEST(Plan, HoldsStoredLayersAndLeavesUnpackedOnes) {
  const PullPlan made =
      plan_of({Made().layer("a", 10, kUnpacked).layer("b", 20, kStored).layer("c", 30)});
  EXPECT_EQ(made.blobs[0].need, Need::nothing);
  EXPECT_EQ(made.blobs[1].need, Need::hold);
  EXPECT_EQ(made.blobs[2].need, Need::download);
  ASSERT_EQ(made.unpacks.size(), 2U);
  EXPECT_EQ(made.unpacks[0].parent, std::nullopt) << "the unpacked parent is there";
  EXPECT_EQ(made.unpacks[1].parent, std::optional<std::size_t>(0));
  EXPECT_EQ(made.download_bytes, 30U);
}

TEST(Plan, FetchesALayerOnceThatAnImageHasTwice) {
  const PullPlan made = plan_of({Made().layer("a", 10).layer("b", 20).layer("a", 10)});
  EXPECT_EQ(made.blobs.size(), 2U);
  EXPECT_EQ(made.blobs[0].users, (std::vector<LayerOf>{{0, 0}}));
  EXPECT_EQ(made.images[0].blobs, (Numbers{0, 1}));
  EXPECT_EQ(made.unpacks.size(), 3U);
  EXPECT_EQ(made.unpacks[2].blob, 0U);
  EXPECT_EQ(made.images[0].download_bytes, 30U);
}

TEST(Plan, FetchesAnUnpackedLayerThatIsNeededAgainAboveAndNotStored) {
  const PullPlan made = plan_of({Made().layer("a", 10, kUnpacked).layer("a", 10)});
  ASSERT_EQ(made.blobs.size(), 1U);
  EXPECT_EQ(made.blobs[0].need, Need::download);
  ASSERT_EQ(made.unpacks.size(), 1U);
  EXPECT_EQ(made.unpacks[0].users, (std::vector<LayerOf>{{0, 1}}));
}

TEST(Plan, SharesBlobsAndChainsAmongImages) {
  const PullPlan made = plan_of({Made().layer("a", 10).layer("b", 20).layer("c", 30),
                                 Made().layer("a", 10).layer("b", 20).layer("d", 5)});
  ASSERT_EQ(made.blobs.size(), 4U);
  EXPECT_EQ(made.blobs[0].users, (std::vector<LayerOf>{{0, 0}, {1, 0}}));
  ASSERT_EQ(made.unpacks.size(), 4U);
  EXPECT_EQ(made.unpacks[1].users, (std::vector<LayerOf>{{0, 1}, {1, 1}}));
  EXPECT_EQ(made.unpacks[3].parent, std::optional<std::size_t>(1));
  EXPECT_EQ(made.images[1].unpacks, (Numbers{0, 1, 3}));
  EXPECT_EQ(made.download_bytes, 65U) << "what is shared counts once in all";
  EXPECT_EQ(made.images[0].download_bytes, 60U);
  EXPECT_EQ(made.images[1].download_bytes, 35U) << "and whole for each image";
}

TEST(Plan, UnpacksABlobAnewOnAnotherParent) {
  const PullPlan made =
      plan_of({Made().layer("a", 10).layer("c", 30), Made().layer("b", 20).layer("c", 30)});
  EXPECT_EQ(made.blobs.size(), 3U);
  EXPECT_EQ(made.unpacks.size(), 4U);
}

TEST(Plan, KeepsTwoSizesOfOneDigestApart) {
  const PullPlan made = plan_of({Made().layer("a", 10), Made().layer("a", 11)});
  EXPECT_EQ(made.blobs.size(), 2U) << "who lies about a size harms nobody else";
}

TEST(Plan, KeepsBlobsApartThatUnpackToTheSame) {
  Made gzip, zstd;
  gzip.layer("a", 10);
  zstd.layer("z", 8);
  zstd.image.chain = gzip.image.chain;
  const PullPlan made = plan_of({gzip, zstd});
  EXPECT_EQ(made.blobs.size(), 2U);
  EXPECT_EQ(made.unpacks.size(), 2U);
}

TEST(Plan, AsksForTheMostThatAnyImageNeedsOfABlob) {
  const PullPlan made =
      plan_of({Made().layer("a", 10, kUnpacked), Made().layer("b", 1).layer("a", 10)});
  const auto found = std::ranges::find(made.blobs, 10U, &BlobJob::size);
  ASSERT_NE(found, made.blobs.end());
  EXPECT_EQ(found->need, Need::download);
  EXPECT_EQ(found->users.size(), 2U);
}

// ---- order
struct Ordered {
  std::string name;
  std::vector<Made> images;
  Speeds speeds;
  Numbers expected;
};

class Order : public testing::TestWithParam<Ordered> {};

TEST_P(Order, IsJohnsons) {
  std::vector<ImageLayers> layers;
  for (const Made& made : GetParam().images) layers.push_back(made.image);
  EXPECT_EQ(order_of(layers, GetParam().speeds), GetParam().expected);
}

constexpr Speeds kSlowLine{.download = 1, .unpack = 10};
constexpr Speeds kFastLine{.download = 10, .unpack = 1};

INSTANTIATE_TEST_SUITE_P(
    Cases, Order,
    testing::Values(Ordered{"OnASlowLineTheLargestComesFirst",
                            {Made().layer("a", 10), Made().layer("b", 300), Made().layer("c", 20)},
                            kSlowLine,
                            {1, 2, 0}},
                    Ordered{"OnAFastLineTheSmallestComesFirst",
                            {Made().layer("a", 100), Made().layer("b", 300), Made().layer("c", 20)},
                            kFastLine,
                            {2, 0, 1}},
                    Ordered{"WhatIsStoredAlreadyIsUnpackedMeanwhile",
                            {Made().layer("a", 100), Made().layer("b", 30, kStored)},
                            kSlowLine,
                            {1, 0}},
                    Ordered{"EqualOnesStayAsTheyAreGiven",
                            {Made().layer("a", 10), Made().layer("b", 10), Made().layer("c", 10)},
                            kSlowLine,
                            {0, 1, 2}},
                    Ordered{"WhatIsSharedCountsAsAPartForEach",
                            {Made().layer("s", 100).layer("a", 1),
                             Made().layer("s", 100).layer("b", 2), Made().layer("c", 60)},
                            kSlowLine,
                            {2, 1, 0}},
                    Ordered{"NothingToDoComesFirst",
                            {Made().layer("a", 10), Made().layer("b", 99, kUnpacked)},
                            kSlowLine,
                            {1, 0}}),
    [](const auto& one) { return one.param.name; });

TEST(Plan, FetchesInTheOrderOfImagesAndTellsThemApartAsTheyWereGiven) {
  const PullPlan made = plan_of({Made().layer("a", 10), Made().layer("b", 300)});
  EXPECT_EQ(made.blobs[0].size, 300U);
  EXPECT_EQ(made.images[0].blobs, Numbers{1});
  EXPECT_EQ(made.images[1].blobs, Numbers{0});
}

}  // namespace
}  // namespace nodeproof::prepull
