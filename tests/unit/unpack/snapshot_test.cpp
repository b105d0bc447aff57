// Which directories the broker lets anybody write in.
#include "agent/unpack/snapshot.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/unpack/rig.hpp"

namespace nodeproof::unpack {
namespace {

namespace fs = std::filesystem;

class SnapshotPath : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "not root";
    overlay_ = snapshots_.overlay(7);
    native_ = snapshots_.native(8);
    folder_ = overlay_.parent_path().parent_path();
  }

  void expect_refused(const fs::path& path, const std::string& why) {
    const auto opened = open_snapshot(path.string());
    ASSERT_FALSE(opened) << path;
    EXPECT_EQ(Errc::unsupported, opened.error().code) << opened.error().message;
    EXPECT_NE(std::string::npos, opened.error().message.find(why)) << opened.error().message;
  }

  Snapshots snapshots_;
  fs::path overlay_, native_, folder_;
};

TEST_F(SnapshotPath, IsOneOfOverlayfsOrNative) {
  const auto overlay = open_snapshot(overlay_.string());
  ASSERT_TRUE(overlay) << overlay.error().message;
  EXPECT_TRUE(overlay->overlay);
  EXPECT_EQ("fs", overlay->name);
  const auto native = open_snapshot(native_.string());
  ASSERT_TRUE(native) << native.error().message;
  EXPECT_FALSE(native->overlay);
  EXPECT_EQ("8", native->name);
}

TEST_F(SnapshotPath, LeadsThroughLinksOnlyAboveTheSnapshotters) {
  fs::create_directory_symlink(snapshots_.root(), snapshots_.root() / "var");
  const fs::path same = "io.containerd.snapshotter.v1.overlayfs/snapshots/7/fs";
  EXPECT_TRUE(open_snapshot((snapshots_.root() / "var" / same).string()));
  const fs::path elsewhere = snapshots_.root() / "elsewhere";
  fs::create_directory(elsewhere);
  fs::create_directory_symlink(folder_.parent_path(), elsewhere / folder_.parent_path().filename());
  const auto moved = open_snapshot((elsewhere / same).string());
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(fs::canonical(folder_.parent_path()), moved->root);
  fs::create_directory_symlink("7", folder_ / "9");
  expect_refused(folder_ / "9/fs", "link");
  fs::create_directories(folder_ / "10");
  fs::create_directory_symlink("/etc", folder_ / "10/fs");
  expect_refused(folder_ / "10/fs", "link");
  fs::create_directory_symlink("/etc", native_.parent_path() / "11");
  expect_refused(native_.parent_path() / "11", "link");
}

TEST_F(SnapshotPath, IsNoOtherDirectory) {
  fs::create_directories(folder_ / "7/work");
  fs::create_directories(folder_ / "new-123/fs");
  for (const fs::path& path :
       {fs::path("/etc"), fs::path("/"), fs::path(), folder_, folder_ / "7", folder_ / "7/work",
        folder_ / "new-123/fs", folder_ / "7/fs/inside", native_ / "fs", native_.parent_path()}) {
    expect_refused(path, "is no");
  }
}

TEST_F(SnapshotPath, IsAbsoluteAndWithoutDots) {
  expect_refused("io.containerd.snapshotter.v1.overlayfs/snapshots/7/fs", "absolute");
  expect_refused(folder_ / "../snapshots/7/fs", "absolute");
  expect_refused(folder_.string() + "/7/fs/..", "absolute");
  expect_refused(std::string("/x\0", 3) + overlay_.string(), "absolute");
}

TEST_F(SnapshotPath, IsADirectoryThatIsThere) {
  const auto none = open_snapshot((folder_ / "99/fs").string());
  ASSERT_FALSE(none);
  EXPECT_EQ(Errc::not_found, none.error().code);
  fs::create_directories(folder_ / "12");
  write_file(folder_ / "12/fs", "");
  expect_refused(folder_ / "12/fs", "no directory");
}

TEST_F(SnapshotPath, BelongsToRoot) {
  ASSERT_EQ(0, ::chown(overlay_.c_str(), 1000, 1000));
  expect_refused(overlay_, "root");
}

}  // namespace
}  // namespace nodeproof::unpack
