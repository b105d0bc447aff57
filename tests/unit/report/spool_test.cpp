#include "agent/report/sink/spool.hpp"

#include <gtest/gtest.h>

#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::report {
namespace {

class SpoolTest : public ::testing::Test {
 protected:
  [[nodiscard]] Spool open(SpoolCap cap = {}) const {
    auto spool = Spool::open(folder(), cap);
    EXPECT_TRUE(spool);
    return *std::move(spool);
  }
  [[nodiscard]] std::filesystem::path folder() const { return folder_.path() / "spool"; }
  static std::vector<std::string> ids(const Spool& spool) {
    std::vector<std::string> found;
    for (const Spool::Event& event : spool.events()) found.push_back(event.id);
    return found;
  }
  const fakes::TempFolder folder_;
};

using Ids = std::vector<std::string>;

TEST_F(SpoolTest, KeepsEventsInOrderOverARestart) {
  Spool spool = open();
  ASSERT_TRUE(spool.add("a", "first"));
  ASSERT_TRUE(spool.add("b", "second"));
  const Spool again = open();
  EXPECT_EQ(ids(again), (Ids{"a", "b"}));
  EXPECT_EQ(again.body(again.events().front()).value_or(""), "first");
  EXPECT_EQ(again.bytes(), 11U);
}

TEST_F(SpoolTest, TheOldestGoAndAreCountedExactly) {
  Spool spool = open({.bytes = 10});
  for (const char* id : {"a", "b", "c", "d", "e"}) ASSERT_TRUE(spool.add(id, "1234"));
  EXPECT_EQ(ids(spool), (Ids{"d", "e"}));
  EXPECT_EQ(spool.dropped(), 3U);
  EXPECT_EQ(open().dropped(), 3U);
}

TEST_F(SpoolTest, TheNewestIsKeptHoweverLargeItIs) {
  Spool spool = open({.bytes = 10});
  ASSERT_TRUE(spool.add("a", "1234"));
  ASSERT_TRUE(spool.add("b", std::string(100, 'x')));
  EXPECT_EQ(ids(spool), Ids{"b"});
  EXPECT_EQ(spool.dropped(), 1U);
}

TEST_F(SpoolTest, MayHoldSoManyEvents) {
  Spool spool = open({.events = 2});
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(spool.add(id, "1"));
  EXPECT_EQ(ids(spool), (Ids{"b", "c"}));
}

TEST_F(SpoolTest, TheSameEventIsKeptOnce) {
  Spool spool = open();
  ASSERT_TRUE(spool.add("a", "1"));
  ASSERT_TRUE(spool.add("a", "1"));
  EXPECT_EQ(spool.events().size(), 1U);
}

TEST_F(SpoolTest, WhatWasTakenIsNotCountedAsDropped) {
  Spool spool = open();
  ASSERT_TRUE(spool.add("a", "1"));
  ASSERT_TRUE(spool.add("b", "1"));
  ASSERT_TRUE(spool.remove(Spool::Event(spool.events().front())));
  ASSERT_TRUE(spool.forget("b"));
  EXPECT_EQ(open().events().size(), 0U);
  EXPECT_EQ(open().dropped(), 0U);
}

TEST_F(SpoolTest, APowerCutBetweenTheCountAndTheRemovalCountsOnce) {
  Spool spool = open();
  ASSERT_TRUE(spool.add("a", "1"));
  ASSERT_TRUE(spool.add("b", "1"));
  const auto file = folder() / "00000000000000000001-a.json";
  ASSERT_TRUE(std::filesystem::exists(file));
  ASSERT_TRUE(spool.drop(Spool::Event(spool.events().front())));
  ASSERT_TRUE(write_file_atomically(file, "1"));  // its removal did not reach the disk
  const Spool again = open();
  EXPECT_EQ(ids(again), Ids{"b"});
  EXPECT_EQ(again.dropped(), 1U);
}

TEST_F(SpoolTest, ANumberIsNeverGivenTwice) {
  Spool spool = open();
  ASSERT_TRUE(spool.add("a", "1"));
  ASSERT_TRUE(spool.drop(Spool::Event(spool.events().front())));
  Spool again = open();
  ASSERT_TRUE(again.add("b", "1"));
  EXPECT_EQ(ids(open()), Ids{"b"});
}

TEST_F(SpoolTest, WhatAWriteThatWasCutShortLeftIsRemoved) {
  Spool spool = open();
  ASSERT_TRUE(spool.add("a", "1"));
  ASSERT_TRUE(write_file_atomically(folder() / "half.tmp", "x"));
  EXPECT_EQ(ids(open()), Ids{"a"});
  EXPECT_FALSE(std::filesystem::exists(folder() / "half.tmp"));
}

TEST_F(SpoolTest, ALedgerThatCannotBeReadCostsTheCountAlone) {
  Spool spool = open();
  ASSERT_TRUE(spool.add("a", "1"));
  ASSERT_TRUE(write_file_atomically(folder() / "dropped", "not json"));
  EXPECT_EQ(ids(open()), Ids{"a"});
  EXPECT_EQ(open().dropped(), 0U);
}

}  // namespace
}  // namespace nodeproof::report
