#include "agent/pull_round.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/unit/prepull/pull_rig.hpp"

namespace nodeproof {
namespace {

using prepull::image_with_layers;
using prepull::layer_bytes;
using prepull::push_resolved;

class Round : public testing::Test {
 protected:
  prepull::PullRig rig;
  std::string base = layer_bytes(100'000, 'a');
  std::vector<ResolvedImage> images = {image("one", 'b'), image("two", 'c'), image("three", 'd')};
  PullRound round{{rig.registry, rig.store, rig.observers, rig.progress}, {}};

  ResolvedImage image(const std::string& name, char own) {
    return push_resolved(rig.registry, "registry.test/" + name + ":1",
                         image_with_layers({base, layer_bytes(1000, own)}));
  }
  void tell(std::size_t count, const std::function<void(std::size_t)>& story) {
    round.tell(count, story, {});
  }
};

TEST_F(Round, PullsWhatAllStoriesNeedAsOneSet) {
  std::vector<std::string> told(3);
  tell(3, [&](std::size_t i) {
    const auto pulled = round.pull({images[i], {}, {}});
    told[i] = pulled ? "pulled" : pulled.error().message;
  });
  EXPECT_EQ(told, (std::vector<std::string>(3, "pulled")));
  EXPECT_EQ(rig.registry.requests(images[0].document.layers[0].digest.str()), 1U);
}

TEST_F(Round, StoriesBeginInTheirOrderAndNoTwoGoOnAtOnce) {
  std::vector<std::size_t> begun;
  int inside = 0;
  tell(3, [&](std::size_t i) {
    EXPECT_EQ(++inside, 1);
    begun.push_back(i);
    --inside;
    EXPECT_TRUE(round.pull({images[i], {}, {}}));
    EXPECT_EQ(++inside, 1);
    --inside;
  });
  EXPECT_EQ(begun, (std::vector<std::size_t>{0, 1, 2}));
}

TEST_F(Round, DoesNotWaitForAStoryThatNeedsNoImage) {
  bool pulled = false;
  tell(3, [&](std::size_t i) {
    if (i == 1) pulled = round.pull({images[i], {}, {}}).has_value();
  });
  EXPECT_TRUE(pulled);
}

TEST_F(Round, AStoryMayPullAgain) {
  tell(2, [&](std::size_t i) {
    EXPECT_TRUE(round.pull({images[i], {}, {}}));
    const auto again = round.pull({images[2], {}, "again-" + std::to_string(i)});
    EXPECT_TRUE(again) << again.error().message;
  });
  EXPECT_EQ(rig.store.lease_ids().size(), 4U);
}

TEST_F(Round, WhatSharesALeaseIsPulledWhenTheFirstStoryHasEnded) {
  tell(2, [&](std::size_t) {
    const auto pulled = round.pull({images[0], {}, "the-lease"});
    ASSERT_TRUE(pulled) << pulled.error().message;
    EXPECT_TRUE(prepull::release(rig.store, pulled->lease));
  });
  EXPECT_EQ(rig.store.count("lease the-lease"), 2U);
}

TEST_F(Round, OfNothingEnds) { tell(0, {}); }

TEST_F(Round, HandsOnWhatAStoryThrows) {
  bool other = false;
  EXPECT_THROW(tell(2,
                    [&](std::size_t i) {
                      if (i == 0) throw std::logic_error("a bug");
                      other = round.pull({images[1], {}, {}}).has_value();
                    }),
               std::logic_error);
  EXPECT_TRUE(other);
}

TEST_F(Round, CanBeToldAgain) {
  for (int i = 0; i < 2; ++i) {
    tell(1, [&](std::size_t) { EXPECT_TRUE(round.pull({images[0], {}, {}})); });
  }
}

}  // namespace
}  // namespace nodeproof
