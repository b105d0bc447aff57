#include "agent/smoke/cgroup_events.hpp"

#include <gtest/gtest.h>

#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::smoke {
namespace {

class Cgroup : public ::testing::Test {
 protected:
  void file(const std::string& name, std::string_view text) const {
    ASSERT_TRUE(write_file_atomically(folder_.path() / name, text, 0600));
  }
  CgroupEvents read() const { return read_cgroup_events(folder_.path()); }

 private:
  fakes::TempFolder folder_;
};

TEST_F(Cgroup, OfVersion2IsRead) {
  file("memory.events", "low 0\nhigh 0\nmax 31\noom 2\noom_kill 2\noom_group_kill 0\n");
  file("memory.max", "67108864\n");
  file("pids.events", "max 12\n");
  EXPECT_EQ(read(), (CgroupEvents{true, 2, 67108864, true, 12}));
  file("memory.events", "oom 0\noom_kill 1\n");
  EXPECT_FALSE(read().at_limit);
}

TEST_F(Cgroup, OfVersion1IsRead) {
  file("memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
  file("memory/memory.limit_in_bytes", "67108864\n");
  file("memory/memory.failcnt", "9\n");
  file("memory/memory.max_usage_in_bytes", "30000000\n");  // its page cache was reclaimed
  EXPECT_FALSE(read().at_limit);
  file("memory/memory.max_usage_in_bytes", "67104768\n");
  file("pids/pids.events", "max 3\n");
  EXPECT_EQ(read(), (CgroupEvents{true, 1, 67108864, true, 3}));
}

TEST_F(Cgroup, WithoutALimitHasNone) {
  file("memory.events", "oom 0\noom_kill 0\n");
  file("memory.max", "max\n");
  EXPECT_EQ(read().memory_limit, 0U);
  file("memory.max", "9223372036854771712\n");
  EXPECT_EQ(read().memory_limit, 0U);
}

TEST_F(Cgroup, WithoutControllersSaysThatNothingIsKnown) {
  EXPECT_EQ(read(), CgroupEvents{});
  file("memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n");  // before Linux 4.13
  EXPECT_FALSE(read().memory_known);
}

TEST(CgroupEvents, OfOneTestAreTheDifference) {
  const CgroupEvents found = since({true, 1, 100, true, 5}, {true, 3, 100, true, 5});
  EXPECT_EQ(found, (CgroupEvents{true, 2, 100, true, 0}));
  EXPECT_EQ(since({true, 9, 0, false, 9}, {}).oom_kills, 0U);
}

}  // namespace
}  // namespace nodeproof::smoke
