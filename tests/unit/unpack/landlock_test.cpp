// The fence around a directory.
#include "agent/unpack/landlock.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unpack/rig.hpp"

namespace nodeproof::unpack {
namespace {

namespace fs = std::filesystem;

// Alone, without chroot: in the writer nothing outside could be named anyway.
TEST(Fence, HoldsWithoutChroot) {
  const Snapshots snapshots;
  const fs::path inside = snapshots.overlay(1), outside = snapshots.overlay(2);
  const std::string wrong = in_child([&]() -> std::string {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const UniqueFd directory(::open(inside.c_str(), O_PATH | O_DIRECTORY));
    const auto fenced = fence(directory.get(), false);
    if (!fenced) return fenced.error().message;
    if (!*fenced) return "none";
    const UniqueFd made(::open((inside / "x").c_str(), O_CREAT | O_WRONLY, 0600));
    if (!made) return "nothing can be made inside";
    if (::mkdir((inside / "d").c_str(), 0700) != 0) return "no directory can be made inside";
    if (::link((inside / "x").c_str(), (inside / "d/x").c_str()) != 0) return "no link inside";
    const UniqueFd out(::open((outside / "x").c_str(), O_CREAT | O_WRONLY, 0600));
    if (out) return "a file was made outside";
    const UniqueFd secret(::open("/etc/passwd", O_RDONLY));
    return secret ? "a file outside was read" : "";
  });
  if (wrong == "none") GTEST_SKIP() << "this kernel has no Landlock that can be used";
  EXPECT_EQ("", wrong);
}

}  // namespace
}  // namespace nodeproof::unpack
