#include "common/folder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/fakes/temp_folder.hpp"

namespace nodeproof {
namespace {

namespace fs = std::filesystem;

class FolderTest : public testing::Test {
 protected:
  FolderTest() {
    fs::create_directories(home_.path() / "f/sub");
    write("f/sub/file", "content");
    write("outside", "secret");
  }
  void write(const std::string& name, std::string_view bytes) const {
    std::ofstream(home_.path() / name) << bytes;
  }
  void link(const std::string& name, const std::string& target) const {
    fs::create_symlink(target, home_.path() / "f" / name);
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    const auto file = Folder::open(home_.path() / "f")->file(name);
    if (!file) return std::string(to_string(file.error().code));
    std::string bytes(file->size(), '\0');
    EXPECT_TRUE(file->read_at(0, std::as_writable_bytes(std::span(bytes))));
    return bytes;
  }
  const fakes::TempFolder home_;
};

TEST_F(FolderTest, GivesFilesWithinIt) {
  link("inside", "sub/file");
  EXPECT_EQ(read("sub/file"), "content");
  EXPECT_EQ(read("inside"), "content");
}

TEST_F(FolderTest, NothingLeadsOutOfIt) {
  link("absolute", (home_.path() / "outside").string());
  link("up", "../outside");
  link("folder", "..");
  link("proc", "/proc/self/exe");
  for (const char* name : {"absolute", "up", "folder/outside", "proc", "../outside"}) {
    EXPECT_EQ(read(name), "unsupported") << name;
  }
}

TEST_F(FolderTest, OnlyRegularFilesAreOpened) {
  ASSERT_EQ(mkfifo((home_.path() / "f/fifo").c_str(), 0600), 0);
  EXPECT_EQ(read("fifo"), "unsupported");
  EXPECT_EQ(read("sub"), "unsupported");
  EXPECT_EQ(read("nothing"), "not_found");
  EXPECT_EQ(read("sub/file/beyond"), "not_found");
}

}  // namespace
}  // namespace nodeproof
