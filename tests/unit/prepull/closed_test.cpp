// Images of a set that may wait, at a time when the registry is not to be asked for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/prepull/pull_set.hpp"
#include "tests/unit/prepull/pull_rig.hpp"

namespace nodeproof::prepull {
namespace {

using testing::HasSubstr;

class Closed : public testing::Test {
 protected:
  static const Digest& digest(const ResolvedImage& image, std::size_t layer) {
    return image.document.layers[layer].digest;
  }
  void expect_unpacked(const ResolvedImage& image) const {
    EXPECT_TRUE(rig.store.has_chain(chain_ids(image.config.diff_ids).back()));
    EXPECT_TRUE(rig.store.has_blob(image.manifest.digest));
  }
  // The first of both waits.
  std::vector<Result<PulledImage>> pull_closed() {
    std::vector<WantedImage> images{{one, {}, {}}, {two, {}, {}}};
    images[0].closed = Error{Errc::deferred, "tomorrow", ""};
    PullPorts ports{rig.registry, rig.store, rig.observers, rig.progress};
    ports.near = &near;
    PullSet set(std::move(images), ports, rig.options, {});
    return {set.wait(0), set.wait(1)};
  }

  PullRig rig;
  FakeRegistry near;
  const std::string base = layer_bytes(30'000, 'a'), own = layer_bytes(7'000, 'c');
  const ResolvedImage one =
      push_resolved(rig.registry, "registry.test/team/one:1", image_with_layers({base, own}));
  const ResolvedImage two = push_resolved(rig.registry, "registry.test/team/two:1",
                                          image_with_layers({base, layer_bytes(2'000, 'd')}));
};

TEST_F(Closed, FetchesNothingForIt) {
  const auto pulled = pull_closed();
  ASSERT_FALSE(pulled[0]);
  EXPECT_EQ(pulled[0].error().code, Errc::deferred);
  EXPECT_THAT(pulled[0].error().message, HasSubstr("tomorrow"));
  EXPECT_EQ(rig.registry.requests(digest(one, 1).str()), 0U);
  EXPECT_TRUE(pulled[1]);
  expect_unpacked(two);
}

TEST_F(Closed, TakesWhatContainerdHas) {
  rig.store.add_blob(own);
  EXPECT_TRUE(pull_closed()[0]) << "the other layer comes for the other image";
  expect_unpacked(one);
}

TEST_F(Closed, TakesWhatIsOnThisHost) {
  push_image(near, image_with_layers({base, own}));
  EXPECT_TRUE(pull_closed()[0]);
  EXPECT_EQ(rig.registry.requests(digest(one, 1).str()), 0U);
  expect_unpacked(one);
}

TEST_F(Closed, InspectsNothingThatWouldHaveToBeFetched) {
  for (const Digest& chain : chain_ids(one.config.diff_ids)) rig.store.add_snapshot(chain);
  ASSERT_FALSE(pull_closed()[0]);
  EXPECT_EQ(rig.registry.requests(digest(one, 1).str()), 0U);
}

}  // namespace
}  // namespace nodeproof::prepull
