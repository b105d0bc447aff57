#include "agent/prepull/schedule.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "common/crypto.hpp"

namespace nodeproof::prepull {
namespace {

using Kind = Task::Kind;
using Tasks = std::vector<Task>;

// Images as words: each letter is a layer.
PullPlan plan_of(const std::vector<std::string>& images) {
  std::vector<ImageLayers> layers;
  for (const std::string& word : images) {
    ImageLayers& image = layers.emplace_back();
    for (std::size_t i = 0; i < word.size(); ++i) {
      const auto digest = hash_of(as_bytes(word.substr(i, 1)));
      image.layers.push_back({"application/vnd.oci.image.layer.v1.tar", digest, 100, {}, {}});
      image.chain.push_back(hash_of(as_bytes("chain " + word.substr(0, i + 1))));
    }
    image.states.resize(word.size());
  }
  return plan(layers);
}

// All that may begin now.
Tasks begin(Schedule& schedule) {
  Tasks tasks;
  while (const auto task = schedule.next()) tasks.push_back(*task);
  return tasks;
}

TEST(Schedule, FetchesAsManyAsAllowedBottomFirst) {
  Schedule schedule(plan_of({"abc"}), {2, 1});
  EXPECT_EQ(begin(schedule), (Tasks{{Kind::fetch, 0}, {Kind::fetch, 1}}));
  schedule.succeeded({Kind::fetch, 1});
  EXPECT_EQ(begin(schedule), (Tasks{{Kind::fetch, 2}})) << "b cannot be unpacked before a";
}

TEST(Schedule, UnpacksWhileTheNextIsFetched) {
  Schedule schedule(plan_of({"abc"}), {1, 1});
  begin(schedule);
  schedule.succeeded({Kind::fetch, 0});
  EXPECT_EQ(begin(schedule), (Tasks{{Kind::unpack, 0}, {Kind::fetch, 1}}));
}

TEST(Schedule, UnpacksTheLayersOfAChainInOrderAndChainsSideBySide) {
  Schedule schedule(plan_of({"ab", "cd"}), {4, 2});
  for (const Task& task : begin(schedule)) schedule.succeeded(task);
  const Tasks first = begin(schedule);
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(schedule.plan().unpacks[first[0].number].parent, std::nullopt);
  EXPECT_EQ(schedule.plan().unpacks[first[1].number].parent, std::nullopt);
}

TEST(Schedule, KeepsToTheNumberOfUnpacks) {
  Schedule schedule(plan_of({"a", "b", "c"}), {3, 2});
  for (const Task& task : begin(schedule)) schedule.succeeded(task);
  EXPECT_EQ(begin(schedule).size(), 2U);
}

TEST(Schedule, HandsAnImageOutWhileOthersGoOn) {
  Schedule schedule(plan_of({"a", "b"}), {1, 1});
  begin(schedule);
  schedule.succeeded({Kind::fetch, 0});
  begin(schedule);
  schedule.succeeded({Kind::unpack, 0});
  EXPECT_EQ(begin(schedule), (Tasks{{Kind::finish, 0}}));
  EXPECT_FALSE(schedule.over());
}

TEST(Schedule, AFailedImageIsGivenUpWhenNothingOfItIsUnderWay) {
  Schedule schedule(plan_of({"ab"}), {2, 1});
  begin(schedule);
  schedule.failed({Kind::fetch, 1});
  schedule.fail(0);
  EXPECT_EQ(begin(schedule), Tasks{}) << "a is still being fetched under its lease";
  schedule.succeeded({Kind::fetch, 0});
  EXPECT_EQ(begin(schedule), (Tasks{{Kind::give_up, 0}}));
  schedule.succeeded({Kind::give_up, 0});
  EXPECT_TRUE(schedule.over());
}

TEST(Schedule, WhatOnlyAFailedImageNeedsIsNotBegun) {
  Schedule schedule(plan_of({"ab", "ac"}), {1, 1});
  begin(schedule);
  schedule.fail(0);
  EXPECT_EQ(schedule.users({Kind::fetch, 0}), (std::vector<LayerOf>{{1, 0}}));
  schedule.succeeded({Kind::fetch, 0});
  for (const Task& task : begin(schedule)) {
    if (task.kind == Kind::fetch) EXPECT_EQ(schedule.users(task).front().image, 1U);
  }
}

TEST(Schedule, DoesATaskOnceMoreWhenToldTo) {
  Schedule schedule(plan_of({"a"}), {1, 1});
  begin(schedule);
  schedule.again({Kind::fetch, 0});
  EXPECT_EQ(begin(schedule), (Tasks{{Kind::fetch, 0}}));
}

TEST(Schedule, AnImageWhoseEndFailsIsGivenUp) {
  Schedule schedule(plan_of({"a"}), {1, 1});
  for (const Kind kind : {Kind::fetch, Kind::unpack}) {
    begin(schedule);
    schedule.succeeded({kind, 0});
  }
  EXPECT_EQ(begin(schedule), (Tasks{{Kind::finish, 0}}));
  schedule.again({Kind::finish, 0});
  schedule.fail(0);
  EXPECT_EQ(begin(schedule), (Tasks{{Kind::give_up, 0}}));
}

TEST(Schedule, OfNothingIsOver) { EXPECT_TRUE(Schedule(plan_of({}), {1, 1}).over()); }

// Whatever fails and in whatever order tasks end: all images come to an end, no image ends while a
// task of it is under way, and what does not share with a failed one succeeds.
TEST(Schedule, ComesToAnEndWhateverHappens) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::minstd_rand random(seed + 1);
    Schedule schedule(plan_of({"abc", "abd", "ef", "ae", "x"}), {1 + seed % 3, 1 + seed % 2});
    Tasks running;
    std::size_t steps = 0;
    while (!schedule.over()) {
      ASSERT_LT(++steps, 200U) << "seed " << seed;
      std::ranges::copy(begin(schedule), std::back_inserter(running));
      ASSERT_FALSE(running.empty()) << "nothing goes on, seed " << seed;
      const std::size_t which = random() % running.size();
      const Task task = running[which];
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(which));
      const bool fails =
          random() % 8 == 0 && task.kind != Kind::give_up && task.kind != Kind::finish;
      if (!fails) {
        schedule.succeeded(task);
        continue;
      }
      schedule.failed(task);
      for (const LayerOf& user : schedule.users(task)) {
        ASSERT_NE(user.image, 4U * static_cast<std::size_t>(task.kind == Kind::finish));
        schedule.fail(user.image);
      }
    }
    EXPECT_TRUE(running.empty()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace nodeproof::prepull
