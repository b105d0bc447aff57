// What the tests of a PullSet share.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "agent/prepull/pull_set.hpp"
#include "tests/unit/prepull/pull_rig.hpp"

namespace nodeproof::prepull {

inline constexpr std::size_t kBase = 300'000;

// Two images of two repositories on a base of two layers, each with a layer of its own.
class TwoImages : public testing::Test {
 protected:
  PullRig rig;
  std::vector<std::string> base{layer_bytes(kBase, 'a'), layer_bytes(50'000, 'b')};
  std::string own1 = layer_bytes(70'000, 'c'), own2 = layer_bytes(20'000, 'd');
  ResolvedImage one = push_resolved(rig.registry, "registry.test/team/one:1",
                                    image_with_layers({base[0], base[1], own1}));
  ResolvedImage two = push_resolved(rig.registry, "registry.test/team/two:1",
                                    image_with_layers({base[0], base[1], own2}));

  [[nodiscard]] PullPorts ports() { return {rig.registry, rig.store, rig.observers, rig.progress}; }
  [[nodiscard]] std::vector<WantedImage> both() const { return {{one, {}, {}}, {two, {}, {}}}; }

  std::vector<Result<PulledImage>> pull_both(const std::stop_token& stop = {}) {
    PullSet set(both(), ports(), rig.options, stop);
    return {set.wait(0), set.wait(1)};
  }

  static const Digest& digest(const ResolvedImage& image, std::size_t layer) {
    return image.document.layers[layer].digest;
  }
  static Digest top(const ResolvedImage& image) { return chain_ids(image.config.diff_ids).back(); }

  void expect_whole(const ResolvedImage& image) {
    for (const Descriptor& layer : image.document.layers) {
      EXPECT_TRUE(rig.store.has_blob(layer.digest));
    }
    for (const Digest& chain : chain_ids(image.config.diff_ids)) {
      EXPECT_TRUE(rig.store.has_chain(chain));
    }
    EXPECT_TRUE(rig.store.has_blob(image.document.config.digest));
    EXPECT_TRUE(rig.store.has_blob(image.manifest.digest));
    EXPECT_TRUE(rig.store.has_blob(image.index->digest));
  }
};

}  // namespace nodeproof::prepull
