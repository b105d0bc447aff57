#include "agent/containerd/plain_place.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::containerd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kSnapshots =
    "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots";

std::string refused(const std::vector<PlainMount>& mounts) {
  const auto place = plain_place("key", mounts);
  if (place) return "taken";
  EXPECT_EQ(place.error().code, Errc::unsupported);
  return place.error().message;
}

PlainMount overlay(std::vector<std::string> more = {}) {
  std::vector<std::string> options{"workdir=" + kSnapshots + "/7/work",
                                   "upperdir=" + kSnapshots + "/7/fs",
                                   "lowerdir=" + kSnapshots + "/3/fs:" + kSnapshots + "/1/fs"};
  options.insert(options.begin(), more.begin(), more.end());
  return {"overlay", "overlay", options};
}

TEST(PlainPlace, OfABindMountIsItsSource) {
  const auto place = plain_place("key", {{"bind", kSnapshots + "/1/fs", {"rw", "rbind"}}});
  ASSERT_TRUE(place) << place.error().message;
  EXPECT_EQ(place->directory, kSnapshots + "/1/fs");
  EXPECT_EQ(place->key, "key");
  EXPECT_THAT(place->lower, IsEmpty());
}

TEST(PlainPlace, OfAnOverlayIsTheUpperDirectoryWithTheLowerOnesBelow) {
  const auto place = plain_place("key", {overlay({"index=off"})});
  ASSERT_TRUE(place) << place.error().message;
  EXPECT_EQ(place->directory, kSnapshots + "/7/fs");
  EXPECT_THAT(place->lower, ElementsAre(kSnapshots + "/3/fs", kSnapshots + "/1/fs"));
}

TEST(PlainPlace, IsNotOfAnyOptionThatIsNotKnown) {
  EXPECT_THAT(refused({overlay({"userxattr"})}), HasSubstr("overlay with userxattr"));
  EXPECT_THAT(refused({overlay({"volatile"})}), HasSubstr("overlay with volatile"));
  EXPECT_THAT(refused({{"bind", "/x", {"ro", "rbind"}}}), HasSubstr("ro"));
}

TEST(PlainPlace, IsNotOfAnotherKindOfMount) {
  EXPECT_THAT(refused({{"erofs", "/x", {}}}), HasSubstr("of type erofs"));
  EXPECT_THAT(refused({}), HasSubstr("0 mounts"));
  EXPECT_THAT(refused({overlay(), overlay()}), HasSubstr("2 mounts"));
  EXPECT_THAT(refused({{"bind", "relative", {}}}), HasSubstr("not absolute"));
  EXPECT_THAT(refused({{"bind", "/a/../b", {}}}), HasSubstr("not absolute"));
  EXPECT_THAT(refused({{"overlay", "overlay", {"upperdir=/a"}}}), HasSubstr("without lower"));
  EXPECT_THAT(refused({{"overlay", "overlay", {"lowerdir=/a"}}}), HasSubstr("not absolute"));
  EXPECT_THAT(refused({{"overlay", "overlay", {"upperdir=/a", "lowerdir=/b\\:c"}}}),
              HasSubstr("colon"));
}

TEST(CheckEmpty, TakesAnEmptyDirectoryOfRootsAlone) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const fakes::TempFolder folder;
  EXPECT_TRUE(check_empty(folder.path()));
  std::ofstream(folder.path() / "file") << "x";
  EXPECT_THAT(check_empty(folder.path()).error().message, HasSubstr("not an empty directory"));
  EXPECT_THAT(check_empty(folder.path() / "file").error().message, HasSubstr("not a directory"));
  EXPECT_THAT(check_empty("/no/such").error().message, HasSubstr("not to be seen"));
}

}  // namespace
}  // namespace nodeproof::containerd
