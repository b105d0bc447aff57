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

TEST(Schedule, KeepsToTheLanesOfLargeBlobs) {
  PullPlan plan = plan_of({"abcd"});
  for (const std::size_t large : {1U, 2U}) plan.blobs[large].size = 100U << 20;
  Schedule schedule(plan, {3, 1});
  schedule.set_lanes(1);
  EXPECT_EQ(begin(schedule), (Tasks{{Kind::fetch, 0}, {Kind::fetch, 1}})) << "nor is it overtaken";
  EXPECT_EQ(schedule.large_under_way(), 1U);
  schedule.set_lanes(2);
  EXPECT_EQ(begin(schedule), (Tasks{{Kind::fetch, 2}}));
  schedule.again({Kind::fetch, 2});
  EXPECT_EQ(schedule.large_under_way(), 1U);
  schedule.set_lanes(1);
  EXPECT_EQ(begin(schedule), Tasks{});
  schedule.failed({Kind::fetch, 1});
  EXPECT_EQ(begin(schedule), (Tasks{{Kind::fetch, 2}, {Kind::fetch, 3}}));
}

TEST(Schedule, TakesTheLargestOfAnImageFirstWhenToldTo) {
  PullPlan plan = plan_of({"abcd", "e"});
  for (const std::size_t large : {1U, 2U, 3U, 4U}) plan.blobs[large].size = large * (10U << 20);
  Schedule schedule(plan, {4, 1});
  schedule.set_lanes(2);
  schedule.largest_first();
  EXPECT_EQ(begin(schedule), (Tasks{{Kind::fetch, 0}, {Kind::fetch, 3}, {Kind::fetch, 2}}))
      << "the other image has the largest of all";
  schedule.succeeded({Kind::fetch, 3});
  EXPECT_EQ(begin(schedule), (Tasks{{Kind::fetch, 1}}));
}

TEST(Schedule, WhatIsStoredAlreadyNeedsNoLane) {
  PullPlan plan = plan_of({"abc"});
  for (BlobJob& blob : plan.blobs) blob.size = 100U << 20;
  plan.blobs[1].need = plan.blobs[2].need = Need::hold;
  Schedule schedule(plan, {3, 1});
  schedule.set_lanes(1);
  EXPECT_EQ(begin(schedule), (Tasks{{Kind::fetch, 0}, {Kind::fetch, 1}, {Kind::fetch, 2}}));
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

bool is_of(const Schedule& schedule, const Task& task, std::size_t image) {
  if (task.kind != Kind::fetch && task.kind != Kind::unpack) return task.number == image;
  const auto& users = task.kind == Kind::fetch ? schedule.plan().blobs[task.number].users
                                               : schedule.plan().unpacks[task.number].users;
  return std::ranges::find(users, image, &LayerOf::image) != users.end();
}

bool is_end(const Task& task) { return task.kind == Kind::finish || task.kind == Kind::give_up; }

// Tasks end in a random order, one in eight fails.
class Chaos {
 public:
  explicit Chaos(unsigned seed)
      : random_(seed + 1),
        schedule_(plan_of({"abc", "abd", "ef", "ae", "x"}), {1 + seed % 3, 1 + seed % 2}) {}

  // false: nothing goes on.
  bool step() {
    for (const Task& task : begin(schedule_)) {
      if (is_end(task)) expect_idle(task.number);
      running_.push_back(task);
    }
    if (running_.empty()) return false;
    const auto which = running_.begin() + static_cast<std::ptrdiff_t>(random_() % running_.size());
    const Task task = *which;
    running_.erase(which);
    if (is_end(task) || random_() % 8 > 0) {
      schedule_.succeeded(task);
      finished_ += task.kind == Kind::finish ? 1 : 0;
      return true;
    }
    schedule_.failed(task);
    for (const LayerOf& user : schedule_.users(task)) {
      schedule_.fail(user.image);
      ++failed_;
    }
    return true;
  }
  [[nodiscard]] bool over() const { return schedule_.over(); }
  void expect_the_end() const {
    EXPECT_TRUE(running_.empty());
    EXPECT_EQ(finished_ + failed_, 5U);
  }

 private:
  void expect_idle(std::size_t image) const {
    EXPECT_TRUE(std::ranges::none_of(
        running_, [&](const Task& task) { return is_of(schedule_, task, image); }));
  }

  std::minstd_rand random_;
  Schedule schedule_;
  Tasks running_;
  std::size_t finished_ = 0, failed_ = 0;
};

// All images come to an end, and none while a task of it is under way.
TEST(Schedule, ComesToAnEndWhateverHappens) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Chaos chaos(seed);
    for (int steps = 0; !chaos.over(); ++steps) {
      ASSERT_LT(steps, 200);
      ASSERT_TRUE(chaos.step()) << "nothing goes on";
    }
    chaos.expect_the_end();
  }
}

}  // namespace
}  // namespace nodeproof::prepull
