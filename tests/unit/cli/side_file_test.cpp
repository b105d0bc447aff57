#include "agent/cli/side_file.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "agent/cli/command.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::cli {
namespace {

TEST(SideFiles, ThatAreMissingAreUsageErrorsWhichNameTheOption) {
  const fakes::TempFolder folder;
  const auto text = read_side_file({"-f", folder.path() / "missing.txt"});
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Errc::usage);
  EXPECT_TRUE(text.error().message.starts_with("-f ")) << text.error().message;
  EXPECT_NE(text.error().remedy.find("-f"), std::string::npos);
}

TEST(SideFiles, ThatAreForbiddenStaySo) {
  const Error error = not_usable({"--host", "a.json"}, {Errc::permission_denied, "no", ""});
  EXPECT_EQ(exit_code_of(error.code), exit_unavailable);
  EXPECT_EQ(exit_code_of(error.code, Judged{}), exit_unavailable);
  EXPECT_FALSE(error.remedy.empty());
}

TEST(SideFiles, AreTriedBeforeTheyAreWritten) {
  const fakes::TempFolder folder;
  std::ofstream(folder.path() / "file") << "x";
  EXPECT_TRUE(check_writable_folder({"--backup-dir", folder.path() / "new/one"}));
  EXPECT_TRUE(check_writable_file({"--metrics", folder.path() / "new/a.prom"}));
  EXPECT_TRUE(check_writable_file({"--metrics", folder.path() / "file"}));
  for (const auto& tried : {check_writable_folder({"--backup-dir", folder.path() / "file"}),
                            check_writable_file({"--metrics", folder.path() / "file/x.prom"}),
                            check_writable_file({"--metrics", folder.path()})}) {
    ASSERT_FALSE(tried);
    EXPECT_EQ(tried.error().code, Errc::usage) << tried.error().message;
    EXPECT_TRUE(tried.error().message.starts_with("--")) << tried.error().message;
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path() / "new/one")) << "nothing is left behind";
}

}  // namespace
}  // namespace nodeproof::cli
