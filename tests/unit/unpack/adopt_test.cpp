// A layer that was staged gets its place above others.
#include "agent/unpack/adopt.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>

#include "agent/unpack/rights.hpp"
#include "tests/unit/unpack/rig.hpp"

namespace nodeproof::unpack {
namespace {

namespace fs = std::filesystem;

std::string attribute(const fs::path& path, const char* name) {
  std::array<char, 64> value{};
  const ssize_t size = ::lgetxattr(path.c_str(), name, value.data(), value.size());
  return size < 0 ? "none" : std::string(value.data(), static_cast<std::size_t>(size));
}

bool set_attribute(const fs::path& path, const char* name, std::string_view value) {
  return ::lsetxattr(path.c_str(), name, value.data(), value.size(), 0) == 0;
}

std::string owner_and_mode(const fs::path& path) {
  struct ::stat status{};
  if (::lstat(path.c_str(), &status) != 0) return "none";
  std::array<char, 16> mode{};
  std::snprintf(mode.data(), mode.size(), "%o", status.st_mode & 07777U);
  return std::to_string(status.st_uid) + ":" + std::to_string(status.st_gid) + " " + mode.data();
}

void give(const fs::path& path, uid_t owner, mode_t mode) {
  ASSERT_EQ(0, ::chown(path.c_str(), owner, owner));
  ASSERT_EQ(0, ::chmod(path.c_str(), mode));
}

class Adopting : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_WHERE_LAYERS_CANNOT_BE_WRITTEN();
    if ((capabilities().value_or(0) & kToMount) == 0) GTEST_SKIP() << "without CAP_SYS_ADMIN";
    adoption_.staged = staged_ = snapshots_.overlay(5);
    adoption_.place = place_ = snapshots_.overlay(9);
    for (const fs::path& path : {below_, bottom_}) adoption_.lower.push_back(path.string());
    fs::create_directories(staged_ / "etc/app");
    write_file(staged_ / "etc/app/file", "x");
    adoption_.layer.implied = {"etc", "etc/app"};
    ASSERT_EQ(0, ::chmod((staged_ / "etc").c_str(), 0755));
  }

  // By the way the main process takes: the broker's child has its own rights and files.
  Result<> adopt() { return broker_with(count_bytes)->adopt(adoption_); }

  void expect_refused(const std::string& why) {
    const auto done = adopt();
    ASSERT_FALSE(done);
    EXPECT_EQ(Errc::unsupported, done.error().code) << done.error().message;
    EXPECT_NE(std::string::npos, done.error().message.find(why)) << done.error().message;
    EXPECT_TRUE(fs::is_empty(place_));
  }

  Snapshots snapshots_;
  fs::path bottom_ = snapshots_.overlay(1), below_ = snapshots_.overlay(2), staged_, place_;
  Adoption adoption_;
};

TEST_F(Adopting, ExchangesTheTwoDirectories) {
  const auto done = adopt();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(fs::exists(place_ / "etc/app/file"));
  EXPECT_TRUE(fs::exists(staged_));
  EXPECT_TRUE(fs::is_empty(staged_));
}

TEST_F(Adopting, GivesImpliedDirectoriesWhatTheFirstLayerBelowHas) {
  fs::create_directories(bottom_ / "etc/app");
  fs::create_directories(below_ / "etc");
  give(bottom_ / "etc", 11, 0711);
  give(bottom_ / "etc/app", 12, 03770);
  give(below_ / "etc", 13, 0750);
  ASSERT_TRUE(set_attribute(below_ / "etc", "security.nodeproof", "below"));
  ASSERT_TRUE(set_attribute(bottom_ / "etc/app", "trusted.nodeproof", "no"));
  ASSERT_TRUE(adopt());
  EXPECT_EQ("13:13 750", owner_and_mode(place_ / "etc"));
  EXPECT_EQ("12:12 3770", owner_and_mode(place_ / "etc/app"));
  EXPECT_EQ("below", attribute(place_ / "etc", "security.nodeproof"));
  EXPECT_EQ("none", attribute(place_ / "etc/app", "trusted.nodeproof"));
}

TEST_F(Adopting, LeavesAttributesThatAreThere) {
  fs::create_directories(below_ / "etc");
  ASSERT_TRUE(set_attribute(below_ / "etc", "security.nodeproof", "below"));
  ASSERT_TRUE(set_attribute(staged_ / "etc", "security.nodeproof", "own"));
  ASSERT_TRUE(adopt());
  EXPECT_EQ("own", attribute(place_ / "etc", "security.nodeproof"));
}

TEST_F(Adopting, ResolvesLinksInsideALayerBelow) {
  fs::create_directories(below_ / "data/etc");
  give(below_ / "data/etc", 21, 0700);
  fs::create_directory_symlink("/data/etc", below_ / "etc");
  ASSERT_TRUE(adopt());
  EXPECT_EQ("21:21 700", owner_and_mode(place_ / "etc"));
}

TEST_F(Adopting, StopsAtWhatIsNoDirectoryBelow) {
  adoption_.layer.implied = {"etc"};
  fs::create_directories(bottom_ / "etc");
  give(bottom_ / "etc", 11, 0711);
  ASSERT_EQ(0, ::mknod((below_ / "etc").c_str(), S_IFCHR, 0));  // a whiteout
  ASSERT_TRUE(adopt());
  EXPECT_EQ("0:0 755", owner_and_mode(place_ / "etc"));
}

TEST_F(Adopting, LeavesToContainerdWhatItsApplierStopsAt) {
  write_file(below_ / "etc", "a file where the layer has a directory");
  expect_refused("Not a directory");
}

TEST_F(Adopting, MarksOpaqueDirectories) {
  adoption_.layer.opaque = {"etc/app"};
  ASSERT_TRUE(adopt());
  EXPECT_EQ("y", attribute(place_ / "etc/app", "trusted.overlay.opaque"));
  EXPECT_EQ("none", attribute(place_ / "etc", "trusted.overlay.opaque"));
}

TEST_F(Adopting, MarksNothingWithoutTheRightToAndLeavesThePlace) {
  adoption_.layer.opaque = {"etc/app"};
  EXPECT_EQ("", in_child([&]() -> std::string {
              if (!keep_only(kToWrite | kToConfine)) return "rights";
              const auto done = adopt();
              if (done) return "done";
              return done.error().code == Errc::unsupported ? "" : done.error().message;
            }));
  EXPECT_TRUE(fs::is_empty(place_));
}

TEST_F(Adopting, NeedsNoMoreThanTheUnitHas) {
  fs::create_directories(below_ / "etc");
  give(below_ / "etc", 13, 0750);
  EXPECT_EQ("", in_child([&]() -> std::string {
              if (!keep_only(kToWrite | kToConfine)) return "rights";
              const auto done = adopt();
              return done ? "" : done.error().message;
            }));
  EXPECT_EQ("13:13 750", owner_and_mode(place_ / "etc"));
}

TEST_F(Adopting, GivesTheLayerTheOwnerAndModeOfItsPlace) {
  ASSERT_EQ(0, ::chmod(place_.c_str(), 0711));
  ASSERT_EQ(0, ::chown(place_.c_str(), 0, 42));
  ASSERT_TRUE(adopt());
  EXPECT_EQ("0:42 711", owner_and_mode(place_));
}

TEST_F(Adopting, FollowsNoLinkOfTheLayer) {
  const fs::path outside = snapshots_.overlay(30);
  fs::create_directories(outside / "dir");
  fs::create_directories(below_ / "link/dir");
  give(below_ / "link/dir", 66, 0777);
  fs::create_directory_symlink(outside, staged_ / "link");
  adoption_.layer.implied = {"link/dir"};
  expect_refused("link/dir");
  adoption_.layer.implied = {};
  adoption_.layer.opaque = {"link"};
  expect_refused("link");
  EXPECT_EQ("none", attribute(outside, "trusted.overlay.opaque"));
  EXPECT_EQ("0:0 755", owner_and_mode(outside / "dir"));
}

TEST_F(Adopting, NeverLeavesTheLayer) {
  for (const char* path : {"..", "../..", "etc/../../..", "/etc"}) {
    adoption_.layer.implied = {path};
    expect_refused(path);
  }
}

TEST_F(Adopting, RefusesWhatIsNoSnapshotOfOverlayfs) {
  const Adoption good = adoption_;
  adoption_.staged = "/etc";
  expect_refused("/etc");
  adoption_ = good;
  adoption_.lower.emplace_back("/etc");
  expect_refused("/etc");
  adoption_ = good;
  adoption_.staged = snapshots_.native(3);
  expect_refused("overlayfs");
  adoption_ = good;
  const Snapshots other;
  adoption_.staged = other.overlay(5);
  expect_refused("different");
}

TEST_F(Adopting, RefusesAPlaceThatIsNotEmpty) {
  write_file(place_ / "here", "x");
  const auto done = adopt();
  ASSERT_FALSE(done);
  EXPECT_EQ(Errc::unsupported, done.error().code);
  EXPECT_TRUE(fs::exists(place_ / "here"));
  EXPECT_TRUE(fs::exists(staged_ / "etc/app/file"));
}

TEST_F(Adopting, SaysWhenADirectoryOfTheLayerIsMissing) {
  adoption_.layer.implied = {"none"};
  expect_refused("none");
}

}  // namespace
}  // namespace nodeproof::unpack
