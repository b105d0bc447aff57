// Paths in trees that somebody else made.
#include "agent/unpack/walk.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>

#include "tests/unit/unpack/rig.hpp"

namespace nodeproof::unpack {
namespace {

namespace fs = std::filesystem;

class Walk : public testing::Test {
 protected:
  Walk() : root_(snapshots_.overlay(1)), fd_(::open(root_.c_str(), O_PATH | O_DIRECTORY)) {
    fs::create_directories(root_ / "usr/lib/deep");
    fs::create_directory_symlink("usr/lib", root_ / "lib");
    write_file(root_ / "usr/file", "x");
  }

  [[nodiscard]] int error_of(std::string_view path) const {
    return open_below(fd_.get(), path, O_RDONLY | O_DIRECTORY) ? 0 : errno;
  }

  // Which directory was found, by its path from the root; "nothing", "other" or an error else.
  [[nodiscard]] std::string found(const std::string& path) const {
    const auto answer = find_directory(fd_.get(), path);
    if (!answer) return answer.error().message;
    if (answer->kind != Found::Kind::directory) {
      return answer->kind == Found::Kind::nothing ? "nothing" : "other";
    }
    const std::string link = "/proc/self/fd/" + std::to_string(answer->directory.get());
    return fs::relative(fs::read_symlink(link), root_).string();
  }

  Snapshots snapshots_;
  fs::path root_;
  UniqueFd fd_;
};

TEST_F(Walk, OpensADirectoryBelow) {
  EXPECT_EQ(0, error_of("usr/lib/deep"));
  EXPECT_EQ(0, error_of("usr"));
  EXPECT_EQ(ENOENT, error_of("usr/none"));
}

TEST_F(Walk, FollowsNoLinkOnTheWayOrAtTheEnd) {
  EXPECT_EQ(ENOTDIR, error_of("lib/deep"));
  EXPECT_EQ(ENOTDIR, error_of("lib"));
  fs::create_directory_symlink("/etc", root_ / "out");
  EXPECT_EQ(ENOTDIR, error_of("out"));
}

TEST_F(Walk, NeverGoesUp) {
  for (const char* path : {"..", "usr/..", "usr/../..", "/usr", "./usr", "usr/."}) {
    EXPECT_EQ(EXDEV, error_of(path)) << path;
  }
}

TEST_F(Walk, OpensNoFileAsADirectory) { EXPECT_EQ(ENOTDIR, error_of("usr/file")); }

TEST_F(Walk, ResolvesLinksInALayerBelow) {
  EXPECT_EQ("usr/lib/deep", found("lib/deep"));
  EXPECT_EQ("usr/lib", found("lib"));
  EXPECT_EQ("usr/lib/deep", found("usr/lib/deep"));
}

TEST_F(Walk, TakesAbsoluteLinksFromTheLayersRoot) {
  fs::create_directory_symlink("/usr/lib", root_ / "absolute");
  fs::create_directory_symlink("/etc", root_ / "etc");
  fs::create_directory_symlink("../../../../../usr", root_ / "usr/lib/up");
  EXPECT_EQ("usr/lib/deep", found("absolute/deep"));
  EXPECT_EQ("etc: Too many levels of symbolic links", found("etc"));
  EXPECT_EQ("usr/lib", found("usr/lib/up/lib"));
}

TEST_F(Walk, TakesDotsOfALinksTargetAsText) {
  fs::create_directory_symlink("missing/../usr", root_ / "text");
  EXPECT_EQ("usr/lib", found("text/lib"));
}

TEST_F(Walk, ResolvesChainsOfLinks) {
  fs::create_directory_symlink("b", root_ / "a");
  fs::create_directory_symlink("/c", root_ / "b");
  fs::create_directory_symlink("lib", root_ / "c");
  EXPECT_EQ("usr/lib/deep", found("a/deep"));
}

TEST_F(Walk, TellsWhatIsMissingFromWhatIsNoDirectory) {
  fs::create_symlink("nowhere", root_ / "dangling");
  EXPECT_EQ("nothing", found("usr/none"));
  EXPECT_EQ("nothing", found("none/below"));
  EXPECT_EQ("nothing", found("dangling"));
  EXPECT_EQ("nothing", found("dangling/below"));
  EXPECT_EQ("other", found("usr/file"));
  EXPECT_EQ("usr/file/below: Not a directory", found("usr/file/below"));
}

TEST_F(Walk, OpensNoFifoOnlyToLook) {
  ASSERT_EQ(0, ::mkfifo((root_ / "fifo").c_str(), 0600));
  EXPECT_EQ("other", found("fifo"));
  EXPECT_EQ(ENOTDIR, error_of("fifo"));
}

}  // namespace
}  // namespace nodeproof::unpack
