// Whole layers, by the writer as it ships, in the confinement as it ships.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <array>

#include "agent/unpack/rights.hpp"
#include "tests/fakes/tar_writer.hpp"
#include "tests/unit/unpack/rig.hpp"

namespace nodeproof::unpack {
namespace {

namespace fs = std::filesystem;
using fakes::TarWriter;
using Paths = std::vector<std::string>;

Result<UnpackedLayer> write_confined(ByteReader& plain_tar, Whiteouts whiteouts) {
  TRY(be_confined());
  return write_layer_here(plain_tar, whiteouts);
}

class Layers : public testing::Test {
 protected:
  void SetUp() override { SKIP_WHERE_LAYERS_CANNOT_BE_WRITTEN(); }

  [[nodiscard]] Result<UnpackedLayer> write(const TarWriter& tar, Whiteouts whiteouts) const {
    const auto unpacker = broker_with(write_confined);
    auto writing = TRY(unpacker->begin({root_.string(), whiteouts}));
    writing->write(as_bytes(tar.str()));
    return writing->finish();
  }

  [[nodiscard]] struct ::stat look(const std::string& name) const {
    struct ::stat status{};
    EXPECT_EQ(0, ::lstat((root_ / name).c_str(), &status)) << name;
    return status;
  }

  Snapshots snapshots_;
  fs::path root_ = snapshots_.overlay(1);
};

TarWriter every_kind() {
  TarWriter tar;
  tar.directory("./", 0755).directory("usr/", 02755).owner(1000, 100);
  tar.file("usr/tool", "#!/bin/sh\n").hard_link("usr/lib/same", "usr/tool");
  tar.file("usr/setuid", "x", 06755);
  tar.symlink("bin", "usr/bin").special("fifo", '6').owner(0, 0);
  tar.pax({{"SCHILY.xattr.user.color", "blue"}, {"mtime", "1234567890.5"}}).file("marked", "x");
  tar.file(std::string("dir/\xff\x01 %"), "any bytes").file("big", std::string(3'000'000, 'x'));
  return tar;
}

TEST_F(Layers, OfEveryKindOfEntryAreWritten) {
  const auto layer = write(every_kind(), Whiteouts::overlay);
  ASSERT_TRUE(layer) << layer.error().message;
  EXPECT_EQ((Paths{"dir", "usr/lib"}), layer->implied);
  EXPECT_EQ(06755U, look("usr/setuid").st_mode & 07777U);
  EXPECT_EQ(1000U, look("usr/setuid").st_uid);
  EXPECT_EQ(look("usr/tool").st_ino, look("usr/lib/same").st_ino);
  EXPECT_EQ(02755U, look("usr").st_mode & 07777U);
  EXPECT_TRUE(S_ISFIFO(look("fifo").st_mode));
  EXPECT_EQ(1234567890, look("marked").st_mtim.tv_sec);
  EXPECT_EQ(3'000'000, look("big").st_size);
  EXPECT_EQ(9, look("dir/\xff\x01 %").st_size);
  std::array<char, 8> color{};
  if (::setxattr(root_.c_str(), "user.try", "x", 1, 0) != 0) return;  // a file system without
  EXPECT_EQ(4, ::getxattr((root_ / "marked").c_str(), "user.color", color.data(), color.size()));
}

TEST_F(Layers, HaveWhiteoutsAndOpaqueDirectories) {
  TarWriter tar;
  tar.file("usr/.wh.gone", "").directory("opt/").file("opt/.wh..wh..opq", "").file("opt/new", "");
  const auto layer = write(tar, Whiteouts::overlay);
  ASSERT_TRUE(layer) << layer.error().message;
  EXPECT_TRUE(S_ISCHR(look("usr/gone").st_mode));
  EXPECT_EQ(0U, look("usr/gone").st_rdev);
  EXPECT_EQ((Paths{"opt"}), layer->opaque);
  EXPECT_EQ((Paths{"usr"}), layer->implied);
}

TEST_F(Layers, OverACopyRemoveWhatTheyHide) {
  write_file(root_ / "gone", "x");
  fs::create_directories(root_ / "opt/old/deep");
  TarWriter tar;
  tar.file(".wh.gone", "").file("opt/.wh..wh..opq", "").file("opt/new", "");
  const auto layer = write(tar, Whiteouts::remove);
  ASSERT_TRUE(layer) << layer.error().message;
  EXPECT_FALSE(fs::exists(root_ / "gone"));
  EXPECT_FALSE(fs::exists(root_ / "opt/old"));
  EXPECT_TRUE(fs::exists(root_ / "opt/new"));
}

TEST_F(Layers, HaveDevicesWhereTheWriterHasAMountOfItsOwn) {
  if ((capabilities().value_or(0) & kToMount) == 0) GTEST_SKIP() << "without CAP_SYS_ADMIN";
  TarWriter tar;
  tar.device("null", '3', 1, 3).device("loop", '4', 7, 0);
  const auto layer = write(tar, Whiteouts::overlay);
  ASSERT_TRUE(layer) << layer.error().message;
  EXPECT_TRUE(S_ISCHR(look("null").st_mode));
  EXPECT_EQ(makedev(1, 3), look("null").st_rdev);
  EXPECT_TRUE(S_ISBLK(look("loop").st_mode));
}

TEST_F(Layers, WithDevicesAreLeftToContainerdWithoutTheRights) {
  TarWriter tar;
  tar.device("null", '3', 1, 3);
  EXPECT_EQ("", in_child([&]() -> std::string {
              if (!keep_only(kToWrite | kToConfine)) return "rights";
              const auto layer = write(tar, Whiteouts::overlay);
              if (layer) return "written";
              return layer.error().code == Errc::unsupported ? "" : layer.error().message;
            }));
}

TEST_F(Layers, AreWrittenWithTheRightsOfTheUnit) {
  EXPECT_EQ("", in_child([&]() -> std::string {
              if (!keep_only(kToWrite | kToConfine)) return "rights";
              const auto layer = write(every_kind(), Whiteouts::overlay);
              return layer ? "" : layer.error().message;
            }));
  EXPECT_EQ(06755U, look("usr/setuid").st_mode & 07777U);
}

TEST_F(Layers, HostileOrBrokenTouchNothingOutside) {
  const fs::path outside = snapshots_.overlay(2);
  for (const char* name : {"../../2/fs/x", "/../../2/fs/x", "usr/../../../2/fs/x"}) {
    TarWriter tar;
    static_cast<void>(write(tar.file(name, "x"), Whiteouts::overlay));
  }
  TarWriter through;
  through.symlink("out", outside.string()).file("out/x", "x");
  static_cast<void>(write(through, Whiteouts::overlay));
  EXPECT_TRUE(fs::is_empty(outside));
  EXPECT_FALSE(fs::exists(root_.parent_path() / "x"));
}

TEST_F(Layers, CutShortAreErrors) {
  const auto unpacker = broker_with(write_confined);
  auto writing = unpacker->begin({root_.string(), Whiteouts::overlay});
  ASSERT_TRUE(writing) << writing.error().message;
  const std::string tar = every_kind().str();
  (*writing)->write(as_bytes(std::string_view(tar).substr(0, tar.size() / 2)));
  const auto layer = (*writing)->finish();
  ASSERT_FALSE(layer);
  EXPECT_EQ(Errc::truncated, layer.error().code) << layer.error().message;
}

TEST_F(Layers, StagedWithoutSightOfThoseBelowGetTheirPlace) {
  if ((capabilities().value_or(0) & kToMount) == 0) GTEST_SKIP() << "without CAP_SYS_ADMIN";
  const fs::path below = snapshots_.overlay(2), place = snapshots_.overlay(3);
  fs::create_directories(below / "usr");
  ASSERT_EQ(0, ::chmod((below / "usr").c_str(), 0711));
  TarWriter tar;
  tar.file("usr/new", "x").directory("opt").file("opt/.wh..wh..opq", "");
  const auto layer = write(tar, Whiteouts::overlay);
  ASSERT_TRUE(layer) << layer.error().message;
  const auto done = broker_with(write_confined)
                        ->adopt({root_.string(), place.string(), {below.string()}, *layer});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(fs::is_empty(root_));
  EXPECT_TRUE(fs::exists(place / "usr/new"));
  EXPECT_EQ(fs::perms(0711), fs::status(place / "usr").permissions());
  std::array<char, 8> value{};
  EXPECT_EQ(
      1, ::getxattr((place / "opt").c_str(), "trusted.overlay.opaque", value.data(), value.size()));
}

}  // namespace
}  // namespace nodeproof::unpack
