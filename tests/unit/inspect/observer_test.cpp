#include "agent/inspect/observer.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <thread>

#include "tests/fakes/temp_folder.hpp"
#include "tests/unit/inspect/layers.hpp"

namespace nodeproof::inspect {
namespace {

using fakes::TarWriter;

Descriptor descriptor(const std::string& blob) {
  return {.media_type = {},
          .digest = hash_of(as_bytes(blob)),
          .size = blob.size(),
          .platform = {},
          .annotations = {}};
}

// As a download does: pieces, then finish.
void stream(LayerObserver& observer, std::string_view blob) {
  for (std::size_t at = 0; at < blob.size(); at += 10'000) {
    observer.write(as_bytes(blob.substr(at, 10'000)));
  }
}

TEST(Observer, StoresTheInventoryOfAStreamedLayer) {
  const fakes::TempFolder folder;
  InventoryCache cache(folder.path());
  const auto factory = make_observer_factory(cache);
  const std::string tar =
      TarWriter().file("big", std::string(3'000'000, 'x')).file("app", arm64_program(), 0755).str();
  const std::string blob = fakes::gzip(tar);
  const Descriptor layer = descriptor(blob);
  const Digest diff_id = hash_of(as_bytes(tar));
  auto observer = factory({layer, diff_id});
  ASSERT_NE(observer, nullptr);
  stream(*observer, blob);
  observer->finish();
  const auto inventory = cache.load(layer.digest);
  ASSERT_TRUE(inventory) << inventory.error().message;
  EXPECT_EQ(*inventory->diff_id, hash_of(as_bytes(tar)));
  EXPECT_EQ(inventory->entries.size(), 2U);
  EXPECT_EQ(factory({layer, diff_id}), nullptr) << "known layers are not read again";
}

TEST(Observer, ABrokenOffStreamLeavesNothing) {
  const fakes::TempFolder folder;
  InventoryCache cache(folder.path());
  const std::string blob = fakes::gzip(TarWriter().file("big", std::string(3'000'000, 'x')).str());
  const Descriptor layer = descriptor(blob);
  {
    auto observer = make_observer_factory(cache)({layer, layer.digest});
    stream(*observer, std::string_view(blob).substr(0, blob.size() / 2));
  }
  EXPECT_FALSE(cache.contains(layer.digest));
  EXPECT_FALSE(cache.load(layer.digest));
}

TEST(Observer, ALayerThatIsNoArchiveNeitherBlocksNorFailsTheDownload) {
  const fakes::TempFolder folder;
  InventoryCache cache(folder.path());
  const std::string blob(8'000'000, '<');
  const Descriptor layer = descriptor(blob);
  auto observer = make_observer_factory(cache)({layer, layer.digest});
  stream(*observer, blob);
  observer->finish();
  EXPECT_EQ(cache.load(layer.digest)->problem->code, Errc::corrupt);
  EXPECT_TRUE(cache.contains(layer.digest)) << "the same bytes stay broken";
}

TEST(Observer, SeveralLayersAreTakenAtOnce) {
  const fakes::TempFolder folder;
  InventoryCache cache(folder.path());
  const auto factory = make_observer_factory(cache);
  std::vector<std::string> blobs;
  for (char c = 'a'; c < 'e'; ++c) {
    blobs.push_back(
        fakes::gzip(TarWriter().file(std::string(1, c), std::string(500'000, c)).str()));
  }
  {
    std::vector<std::jthread> downloads;
    for (const std::string& blob : blobs) {
      downloads.emplace_back([&] {
        const Descriptor layer = descriptor(blob);
        auto observer = factory({layer, layer.digest});
        stream(*observer, blob);
        observer->finish();
      });
    }
  }
  for (const std::string& blob : blobs) EXPECT_TRUE(cache.contains(descriptor(blob).digest));
}

// Counts what it is given.
struct Counter final : PlainSink {
  std::uint64_t bytes = 0;
  std::optional<Digest> diff_id;
  bool write(Bytes plain) override {
    bytes += plain.size();
    return true;
  }
  void end(Result<PlainTarEnd> end) override {
    if (end) diff_id = end->diff_id;
  }
};

TEST(Observer, HandsTheInflatedLayerToWhoElseWantsIt) {
  const fakes::TempFolder folder;
  InventoryCache cache(folder.path());
  const std::string tar = TarWriter().file("big", std::string(3'000'000, 'x')).str();
  const std::string blob = fakes::gzip(tar);
  const Descriptor layer = descriptor(blob);
  const Digest diff_id = hash_of(as_bytes(tar));
  for (const bool known : {false, true}) {
    EXPECT_EQ(cache.contains(layer.digest), known);
    Counter counter;
    auto observer = make_observer_factory(cache)({layer, diff_id, &counter});
    ASSERT_NE(observer, nullptr);
    stream(*observer, blob);
    observer->finish();
    EXPECT_EQ(counter.bytes, tar.size());
    EXPECT_EQ(counter.diff_id, diff_id);
  }
}

TEST(Observer, TellsNobodyADiffIdOfAStreamThatBrokeOff) {
  const fakes::TempFolder folder;
  InventoryCache cache(folder.path());
  const std::string blob = fakes::gzip(TarWriter().file("big", std::string(3'000'000, 'x')).str());
  const Descriptor layer = descriptor(blob);
  Counter counter;
  stream(*make_observer_factory(cache)({layer, layer.digest, &counter}),
         std::string_view(blob).substr(0, blob.size() / 2));
  EXPECT_FALSE(counter.diff_id);
}

}  // namespace
}  // namespace nodeproof::inspect
