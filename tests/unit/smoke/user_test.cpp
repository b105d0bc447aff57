#include "agent/smoke/user.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::smoke {
namespace {

constexpr std::string_view kPasswd =
    "root:x:0:0:root:/root:/bin/sh\n"
    "# a comment\n"
    "broken line\n"
    "app:x:1000:100:the app:/srv:/bin/false\n"
    "big:x:4294967296:1::/:/bin/false\n";
constexpr std::string_view kGroup =
    "root:x:0:\n"
    "users:x:100:\n"
    "app:x:1000:app\n"
    "video:x:44:app,other\n"
    "audio:x:29:other,app\n"
    "wheel:x:10:root\n";

struct Case {
  std::string_view wanted;
  User user;
};

TEST(ResolveUser, ReadsTheImagesUserAsContainerdDoes) {
  const Case cases[] = {
      {"", {0, 0, {0, 10}}},
      {"root", {0, 0, {0, 10}}},
      {"app", {1000, 100, {100, 44, 29}}},
      {"1000", {1000, 100, {100, 44, 29}}},
      {"app:video", {1000, 44, {44, 29}}},
      {"app:7", {1000, 7, {7, 44, 29}}},
      {"1000:7", {1000, 7, {7, 44, 29}}},
      {"4711", {4711, 0, {0}}},
      {"4711:4712", {4711, 4712, {4712}}},
      {"2147483647", {2147483647, 0, {0}}},
  };
  for (const Case& one : cases) {
    const auto user = resolve_user(one.wanted, kPasswd, kGroup);
    ASSERT_TRUE(user) << one.wanted << ": " << user.error().message;
    EXPECT_EQ(*user, one.user) << one.wanted;
  }
}

TEST(ResolveUser, RefusesWhatContainerdRefuses) {
  for (const char* wanted :
       {"nobody", "2147483648", "4294967295", "4294967296", "-1", "app:nogroup", "app:-1",
        "app:2147483648", "a:b:c", ":100", "app:", " app", "0x10"}) {
    EXPECT_FALSE(resolve_user(wanted, kPasswd, kGroup)) << wanted;
  }
}

TEST(ResolveUser, TakesNumbersWithoutAnyFile) {
  EXPECT_EQ(*resolve_user("1000:1000", "", ""), (User{1000, 1000, {1000}}));
  EXPECT_EQ(*resolve_user("", "", ""), (User{0, 0, {0}}));
  EXPECT_FALSE(resolve_user("app", "", ""));
}

class ImageRoot : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(path_ / "image/etc");
    std::ofstream(path_ / "secret") << "app:x:1:1::/:\n";
    root_ = *Root::open(path_ / "image");
    if (root_->open_file("/etc", 0).error == ENOSYS)
      GTEST_SKIP() << "openat2 is not there: an old kernel or emulation";
  }
  const fakes::TempFolder folder_;
  const std::filesystem::path& path_ = folder_.path();
  std::optional<Root> root_;
};

TEST_F(ImageRoot, WithoutAccountsHasRootOnly) {
  EXPECT_EQ(*resolve_user("", *root_), (User{0, 0, {0}}));
  EXPECT_FALSE(resolve_user("app", *root_));
}

TEST_F(ImageRoot, IsNeverLeft) {
  std::filesystem::create_symlink("../../secret", path_ / "image/etc/passwd");
  EXPECT_FALSE(resolve_user("app", *root_));
  std::filesystem::remove(path_ / "image/etc/passwd");
  std::filesystem::create_symlink("/inside", path_ / "image/etc/passwd");
  std::ofstream(path_ / "image/inside") << "app:x:5:6::/:\n";
  EXPECT_EQ(*resolve_user("app", *root_), (User{5, 6, {6}}));
}

TEST_F(ImageRoot, DoesNotHangOnWhatIsNoFile) {
  ASSERT_EQ(mkfifo((path_ / "image/etc/passwd").c_str(), 0644), 0);
  EXPECT_FALSE(resolve_user("app", *root_));
}

}  // namespace
}  // namespace nodeproof::smoke
