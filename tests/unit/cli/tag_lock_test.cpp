#include "agent/cli/tag_lock.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::cli {
namespace {

using Folders = std::vector<std::filesystem::path>;

class Locks : public testing::Test {
 protected:
  Result<TagLock> take(const Folders& folders) {
    return TagLock::take({.tag = tag, .wait = {}, .folders = folders}, {});
  }
  static long files_in(const std::filesystem::path& folder) {
    return std::distance(std::filesystem::directory_iterator(folder), {});
  }

  const fakes::TempFolder first, second;
  const Reference tag = *Reference::parse("r.example/team/app:1");
};

TEST_F(Locks, AreHeldByOneAlone) {
  {
    const auto held = take({first.path()});
    ASSERT_TRUE(held) << held.error().message;
    const auto other = take({first.path()});
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Errc::busy);
  }
  EXPECT_TRUE(take({first.path()}));
  EXPECT_EQ(files_in(first.path()), 1);
}

TEST_F(Locks, AreInTheFirstFolderThatCanBeUsed) {
  const auto held = take({first.path() / "absent", second.path(), first.path()});
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_EQ(files_in(second.path()), 1);
  EXPECT_EQ(files_in(first.path()), 0);
  const auto nowhere = take({first.path() / "absent"});
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().message.find("absent"), std::string::npos);
  EXPECT_FALSE(nowhere.error().remedy.empty());
}

TEST_F(Locks, CanBeOpenedByEverybodyWhateverTheUmask) {
  const mode_t before = umask(0077);
  const auto held = take({first.path()});
  umask(before);
  ASSERT_TRUE(held) << held.error().message;
  const auto file = std::filesystem::directory_iterator(first.path())->path();
  struct stat facts{};
  ASSERT_EQ(stat(file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0644U);
}

TEST_F(Locks, AreNotReplacedByOneElsewhereWhereTheirNameIsTaken) {
  ASSERT_TRUE(take({first.path()}));
  const auto file = std::filesystem::directory_iterator(first.path())->path();
  std::filesystem::remove(file);
  std::filesystem::create_symlink("/dev/null", file);
  const auto refused = take({first.path(), second.path()});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find(file.string()), std::string::npos);
  EXPECT_EQ(files_in(second.path()), 0);
}

TEST(LockFolders, EndWithTmpWhereTheNamedOneIsMissing) {
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before == nullptr ? "" : before;
  setenv("TMPDIR", "/no/such/folder", 1);
  const Folders folders = lock_folders();
  if (before == nullptr) {
    unsetenv("TMPDIR");
  } else {
    setenv("TMPDIR", kept.c_str(), 1);
  }
  EXPECT_EQ(folders.front(), "/run/lock");
  EXPECT_EQ(folders.back(), "/tmp");
}

}  // namespace
}  // namespace nodeproof::cli
