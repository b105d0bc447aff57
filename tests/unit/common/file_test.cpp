#include "common/file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "common/clock.hpp"
#include "common/words.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof {
namespace {

namespace fs = std::filesystem;

class File : public ::testing::Test {
 protected:
  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(dir_), {}));
  }
  const fakes::TempFolder folder_;
  const fs::path& dir_ = folder_.path();
};

TEST_F(File, IsReadBackAsItWasWritten) {
  const std::string content = std::string("a\0b\n", 4) + std::string(100'000, 'x');
  ASSERT_TRUE(write_file_atomically(dir_ / "f", content));
  EXPECT_EQ(read_file(dir_ / "f"), content);
  EXPECT_EQ(entries(), 1U) << "no temporary file is left";
}

TEST_F(File, IsReplacedWholeAndWithItsMode) {
  ASSERT_TRUE(write_file_atomically(dir_ / "f", "old", 0600));
  ASSERT_TRUE(write_file_atomically(dir_ / "f", "new", 0640));
  EXPECT_EQ(read_file(dir_ / "f"), "new");
  struct ::stat status{};
  ASSERT_EQ(::stat((dir_ / "f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

TEST_F(File, BringsItsDirectory) {
  ASSERT_TRUE(write_file_atomically(dir_ / "a/b/c/f", "x"));
  EXPECT_EQ(read_file(dir_ / "a/b/c/f"), "x");
  EXPECT_TRUE(make_directories(dir_ / "a/b"));
  EXPECT_FALSE(make_directories(dir_ / "a/b/c/f"));
  EXPECT_FALSE(make_directories(dir_ / "a/b/c/f/g"));
}

TEST_F(File, LeavesNothingWhenItCannotBeRenamed) {
  ASSERT_TRUE(make_directories(dir_ / "taken"));
  EXPECT_FALSE(write_file_atomically(dir_ / "taken", "x"));
  EXPECT_EQ(entries(), 1U);
}

TEST_F(File, SaysWhichFileAndWhy) {
  const auto absent = read_file(dir_ / "absent");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, Errc::not_found);
  EXPECT_NE(absent.error().message.find("absent"), std::string::npos);
  EXPECT_EQ(read_file(dir_).error().code, Errc::io) << "a directory";
}

TEST_F(File, IsNotReadBeyondTheLimit) {
  ASSERT_TRUE(write_file_atomically(dir_ / "f", "12345"));
  EXPECT_TRUE(read_file(dir_ / "f", 5));
  EXPECT_EQ(read_file(dir_ / "f", 4).error().code, Errc::too_large);
  EXPECT_EQ(read_file("/dev/zero").error().code, Errc::too_large);
}

TEST_F(File, OfProcIsReadThoughItsSizeIsZero) {
  const auto status = read_file("/proc/self/status");
  ASSERT_TRUE(status);
  EXPECT_FALSE(status->empty());
}

TEST_F(File, MayBeRemovedTwice) {
  ASSERT_TRUE(write_file_atomically(dir_ / "f", "x"));
  EXPECT_TRUE(remove_file(dir_ / "f"));
  EXPECT_TRUE(remove_file(dir_ / "f"));
  EXPECT_FALSE(fs::exists(dir_ / "f"));
}

TEST_F(File, SystemCanBeSynced) {
  EXPECT_TRUE(sync_file_system(dir_));
  EXPECT_EQ(sync_file_system(dir_ / "absent").error().code, Errc::not_found);
}

TEST(UniqueFd, ClosesWhatItOwns) {
  const int raw = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  {
    UniqueFd fd(raw);
    UniqueFd other = std::move(fd);
    EXPECT_EQ(other.get(), raw);
  }
  EXPECT_EQ(::fcntl(raw, F_GETFD), -1);
}

TEST(Clock, WritesRfc3339InUtc) {
  using std::chrono::sys_days;
  using namespace std::chrono_literals;
  EXPECT_EQ(to_rfc3339(sys_days(std::chrono::year(2026) / 11 / 21) + 10h + 500ms),
            "2026-11-21T10:00:00Z");
}

TEST(Clock, ReadsOnlyADayThatExistsAndThatItCanCount) {
  using std::chrono::sys_days;
  using namespace std::chrono_literals;
  EXPECT_EQ(parse_rfc3339("2026-11-21T10:00:00Z"),
            sys_days(std::chrono::year(2026) / 11 / 21) + 10h);
  for (const char* text : {"2027-02-31T00:00:00Z", "1013-01-31T00:00:00Z", "9999-01-01T00:00:00Z",
                           "2026-11-21T10:00:00", "2026-13-01T00:00:00Z", ""}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

TEST(Words, FindTheNearestCandidate) {
  constexpr std::string_view kKeys[] = {"images", "registries", "check_every"};
  EXPECT_EQ(nearest("image", kKeys), "images");
  EXPECT_EQ(nearest("registry", kKeys), "");
  EXPECT_EQ(nearest("registrys", kKeys), "registries");
  EXPECT_EQ(nearest("checkEvery", kKeys), "check_every");
  EXPECT_EQ(nearest("zzz", kKeys), "");
}

}  // namespace
}  // namespace nodeproof
