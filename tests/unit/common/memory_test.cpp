#include "common/memory.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/fakes/temp_folder.hpp"

namespace nodeproof {
namespace {

class Memory : public testing::Test {
 protected:
  fakes::TempFolder root;

  void write(const std::string& path, const std::string& text) {
    const auto file = root.path() / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  [[nodiscard]] std::uint64_t limit() const { return memory_limit(root.path()); }
};

TEST_F(Memory, IsTheMachinesWithoutACgroup) {
  write("proc/meminfo", "MemTotal:         425508 kB\nMemFree:           10000 kB\n");
  EXPECT_EQ(limit(), 425508U << 10);
}

TEST_F(Memory, IsNotKnownWithoutProc) { EXPECT_EQ(limit(), 0U); }

TEST_F(Memory, IsTheSmallestLimitAboveTheProcessInCgroupV2) {
  write("proc/meminfo", "MemTotal:         8000000 kB\n");
  write("proc/self/cgroup", "0::/system.slice/nodeproof.service\n");
  write("sys/fs/cgroup/system.slice/nodeproof.service/memory.max", "max\n");
  write("sys/fs/cgroup/system.slice/memory.max", "67108864\n");
  EXPECT_EQ(limit(), 67108864U);
}

TEST_F(Memory, FollowsTheMemoryControllerOfCgroupV1) {
  write("proc/meminfo", "MemTotal:         8000000 kB\n");
  write("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/a/b\n0::/\n");
  write("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "33554432\n");
  write("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "1\n");
  EXPECT_EQ(limit(), 33554432U);
}

TEST_F(Memory, SeesTheLimitOfAContainersOwnRoot) {
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/memory.max", "1048576\n");
  EXPECT_EQ(limit(), 1048576U);
}

TEST_F(Memory, IsNotMisledByNonsense) {
  write("proc/meminfo", "MemTotal: many\n");
  write("proc/self/cgroup", "nonsense\n:::\n0::/../../..\n");
  EXPECT_EQ(limit(), 0U);
}

}  // namespace
}  // namespace nodeproof
