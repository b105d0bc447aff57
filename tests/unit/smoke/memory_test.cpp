#include "agent/smoke/memory.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::uint64_t kMebi = 1ULL << 20;

TEST(Memory, IsReadFromTheHostsOwnFiles) {
  const fakes::TempFolder folder;
  std::filesystem::create_directories(folder.path() / "proc/pressure");
  std::ofstream(folder.path() / "proc/meminfo")
      << "MemTotal:         947732 kB\nMemFree:   1 kB\nMemAvailable:    600000 kB\n";
  std::ofstream(folder.path() / "proc/pressure/memory")
      << "some avg10=12.50 avg60=1.00 avg300=0.00 total=1\nfull avg10=99.00 avg60=0 total=0\n";
  EXPECT_EQ(read_memory(folder.path()), (Memory{947732 * 1024, 600000 * 1024, 12.5}));
  EXPECT_EQ(read_memory(folder.path() / "nowhere"), Memory{});
}

TEST(Memory, IsEnoughOnASmallBoardThatIsNotLoaded) {
  EXPECT_FALSE(too_little_memory({925 * kMebi, 300 * kMebi, 3.0}));
  EXPECT_FALSE(too_little_memory({925 * kMebi, 128 * kMebi, {}}));
  EXPECT_TRUE(too_little_memory({925 * kMebi, 127 * kMebi, {}}));
}

TEST(Memory, NeedsATenthOfALargerHostButNeverMoreThanHalfAGibibyte) {
  EXPECT_TRUE(too_little_memory({3800 * kMebi, 370 * kMebi, {}}));
  EXPECT_FALSE(too_little_memory({3800 * kMebi, 390 * kMebi, {}}));
  EXPECT_FALSE(too_little_memory({64000 * kMebi, 520 * kMebi, {}}));
}

TEST(Memory, IsShortWhereProcessesWaitForIt) {
  EXPECT_TRUE(too_little_memory({3800 * kMebi, 2000 * kMebi, 35.0}));
  EXPECT_FALSE(too_little_memory({3800 * kMebi, 2000 * kMebi, 20.0}));
}

TEST(Memory, ThatIsNotKnownDefersNothing) {
  EXPECT_FALSE(too_little_memory({}));
  EXPECT_EQ(fitting({}, {}), ContainerLimits{});
}

TEST(Memory, LimitsAreNeverAboveWhatTheHostHas) {
  EXPECT_EQ(fitting({}, {925 * kMebi, 0, {}}).memory_bytes, 925 * kMebi);
  EXPECT_EQ(fitting({}, {4000 * kMebi, 0, {}}).memory_bytes, 1024 * kMebi);
}

}  // namespace
}  // namespace nodeproof::smoke
