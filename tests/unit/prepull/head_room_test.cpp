#include "agent/prepull/head_room.hpp"

#include <gtest/gtest.h>

namespace nodeproof::prepull {
namespace {

constexpr std::uint64_t kGB = 1'000'000'000;

Volume disk(std::uint64_t bytes, std::uint64_t free_bytes) {
  return {.id = 1, .bytes = bytes, .free_bytes = free_bytes, .inodes = 1000, .free_inodes = 600};
}

TEST(Margin, IsTheLargerOfAFifthAndTwoGigabytes) {
  EXPECT_EQ(margin_of(disk(100 * kGB, 0), {}, {}), (Margin{20 * kGB, 50, "20 % by default"}));
  EXPECT_EQ(margin_of(disk(4 * kGB, 0), {}, {}), (Margin{2 * kGB, 50, "by default"}));
}

TEST(Margin, KeepsClearOfTheMarksOfAKubelet) {
  KubeletFacts kubelet;
  EXPECT_EQ(margin_of(disk(100 * kGB, 0), {}, kubelet).why, "20 % by default")
      << "15 % + 2 % is below";
  kubelet.image_gc_high_percent = 70;
  EXPECT_EQ(margin_of(disk(100 * kGB, 0), {}, kubelet),
            (Margin{32 * kGB, 70, "the kubelet deletes images above 70 % in use"}));
  kubelet.eviction_hard = {{"imagefs.available", "50Gi"}, {"imagefs.inodesFree", "10%"}};
  const Margin raised = margin_of(disk(100 * kGB, 0), {}, kubelet);
  EXPECT_EQ(raised.why, "the kubelet evicts pods at imagefs.available < 50Gi");
  EXPECT_EQ(raised.inodes, 120U);
}

TEST(Margin, IgnoresMarksThatAreSwitchedOffOrUnreadable) {
  KubeletFacts kubelet;
  kubelet.image_gc_high_percent = 100;
  for (const char* off : {"0%", "100%", "0", "much"}) {
    kubelet.eviction_hard = {{"imagefs.available", off}};
    EXPECT_EQ(margin_of(disk(100 * kGB, 0), {}, kubelet).why, "20 % by default") << off;
  }
}

TEST(Margin, IsWhatTheOperatorSaid) {
  KubeletFacts kubelet;
  const auto margin = margin_of(disk(100 * kGB, 0), Amount{.units = kGB, .percent = 0}, kubelet);
  EXPECT_EQ(margin.bytes, kGB);
  EXPECT_EQ(margin.why, "pull.keep_free");
}

Place place(std::string path, const Volume& volume) {
  return {std::move(path), volume, {.bytes = 2 * kGB, .inodes = 100, .why = "2 GB"}};
}

TEST(HeadRoom, CountsBothDirectoriesOnOneFileSystemTogether) {
  HeadRoom room(place("/content", disk(20 * kGB, 8 * kGB)),
                place("/snap", disk(20 * kGB, 8 * kGB)));
  EXPECT_TRUE(room.reserve({.stored = kGB, .unpacked = 3 * kGB, .files = 10}));
  const auto second =
      room.reserve({.stored = kGB, .unpacked = 3 * kGB, .files = 10, .estimated = true});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::no_space);
  EXPECT_EQ(second.error().message,
            "/content has not enough room: about 8.0 GB are needed and 2.0 GB are to stay free "
            "(2 GB), 8.0 GB of 20.0 GB are free");
}

TEST(HeadRoom, CountsTwoFileSystemsApart) {
  Volume other = disk(20 * kGB, 8 * kGB);
  other.id = 2;
  HeadRoom room(place("/content", disk(20 * kGB, 4 * kGB)), place("/snap", other));
  EXPECT_TRUE(room.reserve({.stored = kGB, .unpacked = 5 * kGB, .files = 10}));
  const auto snapshots = room.reserve({.unpacked = 2 * kGB});
  ASSERT_FALSE(snapshots);
  EXPECT_TRUE(snapshots.error().message.starts_with("/snap has")) << snapshots.error().message;
  const auto content = room.reserve({.stored = 2 * kGB});
  ASSERT_FALSE(content);
  EXPECT_TRUE(content.error().message.starts_with("/content has")) << content.error().message;
}

TEST(HeadRoom, GivesNothingAwayForAnImageThatDoesNotFit) {
  HeadRoom room(place("/c", disk(20 * kGB, 8 * kGB)), place("/s", disk(20 * kGB, 8 * kGB)));
  EXPECT_FALSE(room.reserve({.stored = 10 * kGB}));
  EXPECT_TRUE(room.reserve({.stored = 5 * kGB})) << "a smaller one still does";
}

TEST(HeadRoom, RefusesWhenInodesRunOut) {
  HeadRoom room(place("/c", disk(20 * kGB, 8 * kGB)), place("/s", disk(20 * kGB, 8 * kGB)));
  EXPECT_TRUE(room.reserve({.files = 500}));
  const auto more = room.reserve({.files = 1});
  ASSERT_FALSE(more);
  EXPECT_NE(more.error().message.find("inodes"), std::string::npos);
}

TEST(HeadRoom, AsksNothingOfAFullDiskWhenNothingIsNeeded) {
  Volume full = disk(20 * kGB, 0);
  full.inodes = full.free_inodes = 0;
  HeadRoom room(place("/c", full), place("/s", full));
  EXPECT_TRUE(room.reserve({}));
  EXPECT_FALSE(room.reserve({.stored = 1}));
}

PullPlan two_images_that_share_a_layer() {
  PullPlan plan;
  plan.blobs = {{.users = {}, .need = Need::download, .size = 100},
                {.users = {}, .need = Need::download, .size = 10},
                {.users = {}, .need = Need::hold, .size = 1}};
  plan.unpacks = {{.users = {}, .blob = 0, .parent = {}},
                  {.users = {}, .blob = 1, .parent = 0},
                  {.users = {}, .blob = 2, .parent = 0}};
  plan.images = {{.blobs = {0, 1}, .unpacks = {0, 1}}, {.blobs = {0, 2}, .unpacks = {0, 2}}};
  return plan;
}

TEST(Shares, CountWhatIsSharedForTheFirst) {
  const PullPlan plan = two_images_that_share_a_layer();
  Shares shares(plan);
  const Space first = shares.need_of(plan.images[0]);
  EXPECT_EQ(first.stored, 110U);
  EXPECT_EQ(first.unpacked, 440U);
  EXPECT_EQ(shares.need_of(plan.images[1]).unpacked, 404U) << "nobody has taken anything yet";
  shares.take(plan.images[0]);
  const Space second = shares.need_of(plan.images[1]);
  EXPECT_EQ(second.stored, 0U) << "its own layer is stored already";
  EXPECT_EQ(second.unpacked, 4U);
}

}  // namespace
}  // namespace nodeproof::prepull
