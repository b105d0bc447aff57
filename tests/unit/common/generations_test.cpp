#include "common/generations.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "common/file.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof {
namespace {

class GenerationsTest : public testing::Test {
 protected:
  void overwrite(const std::filesystem::path& path, std::string_view content) const {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  }

  const fakes::TempFolder folder_;
  const std::filesystem::path file_ = folder_.path() / "state.json";
  const std::filesystem::path older_ = folder_.path() / "state.json.old";
  const Generations generations_{file_, 1024,
                                 [](std::string_view text) { return text.ends_with("."); }};
};

TEST_F(GenerationsTest, GiveWhatWasWrittenLast) {
  EXPECT_EQ(generations_.read().error().code, Errc::not_found);
  ASSERT_TRUE(generations_.write("one."));
  ASSERT_TRUE(generations_.write("two.", 0600));
  EXPECT_EQ(generations_.read().value(), "two.");
  struct stat facts{};
  ASSERT_EQ(stat(file_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
}

TEST_F(GenerationsTest, GiveTheOneBeforeWhereTheLastIsTorn) {
  ASSERT_TRUE(generations_.write("one."));
  ASSERT_TRUE(generations_.write("two."));
  for (const char* torn : {"", "tw", "\0\0\0\0"}) {
    overwrite(file_, torn);
    EXPECT_EQ(generations_.read().value(), "one.");
  }
  std::filesystem::remove(file_);
  EXPECT_EQ(generations_.read().value(), "one.");
}

TEST_F(GenerationsTest, KeepTheWholeOneWhenATornOneIsReplaced) {
  ASSERT_TRUE(generations_.write("one."));
  ASSERT_TRUE(generations_.write("two."));
  overwrite(file_, "tw");
  ASSERT_TRUE(generations_.write("three."));
  overwrite(file_, "thr");
  EXPECT_EQ(generations_.read().value(), "one.");
}

TEST_F(GenerationsTest, AreAbsentWhereBothAreTorn) {
  ASSERT_TRUE(generations_.write("one."));
  overwrite(file_, "o");
  EXPECT_EQ(generations_.read().error().code, Errc::corrupt);
}

TEST_F(GenerationsTest, DoNotComeBackOnceForgotten) {
  ASSERT_TRUE(generations_.write("one."));
  ASSERT_TRUE(generations_.write("two."));
  ASSERT_TRUE(generations_.forget_older());
  overwrite(file_, "tw");
  EXPECT_FALSE(generations_.read().has_value());
  ASSERT_TRUE(generations_.remove());
  EXPECT_FALSE(std::filesystem::exists(file_) || std::filesystem::exists(older_));
}

}  // namespace
}  // namespace nodeproof
