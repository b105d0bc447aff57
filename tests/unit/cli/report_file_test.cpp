#include "agent/cli/report_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/file.hpp"
#include "tests/fakes/keys.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class GivenFile : public testing::Test {
 protected:
  std::filesystem::path file(std::string_view content, unsigned mode = 0600) {
    const auto path = folder_.path() / "given";
    EXPECT_TRUE(write_file_atomically(path, content, mode));
    return path;
  }

 private:
  fakes::TempFolder folder_;
};

TEST_F(GivenFile, IsTakenAsAKeyWhenItsOwnerAloneMayReadIt) {
  EXPECT_TRUE(read_private_key(file(fakes::kExampleKey, 0600)));
  EXPECT_TRUE(read_private_key(file(fakes::kExampleKey, 0400)));
}

TEST_F(GivenFile, IsNoKeyWhenOthersMayReadIt) {
  for (const unsigned mode : {0640U, 0604U, 0644U, 0620U}) {
    const auto key = read_private_key(file(fakes::kExampleKey, mode));
    ASSERT_FALSE(key) << std::oct << mode;
    EXPECT_EQ(key.error().code, Errc::usage);
    EXPECT_THAT(key.error().remedy, HasSubstr("chmod 600"));
    EXPECT_THAT(key.error().message, Not(HasSubstr("MHcCAQ")));
  }
}

TEST_F(GivenFile, IsNamedWhenItIsNoKey) {
  const auto key = read_private_key(file("hello"));
  ASSERT_FALSE(key);
  EXPECT_THAT(key.error().message, HasSubstr("given"));
  EXPECT_FALSE(read_private_key(file("").parent_path()));
  EXPECT_FALSE(read_private_key("/nowhere/key.pem"));
}

TEST_F(GivenFile, IsNamedWhenItIsNoReport) {
  std::string deep(100, '[');
  for (const std::string& text :
       std::vector<std::string>{"", "{", deep, R"({"kind":"NodeReport"})",
                                R"({"apiVersion":"nodeproof.dev/v1","kind":"IndexReport"})",
                                R"({"apiVersion":"nodeproof.dev/v1","kind":"NodeReport","node":7})",
                                R"({"apiVersion":"nodeproof.dev/v1","kind":"NodeReport","images":
                                   [{"smoke":[{"exit":1e99}]}]})"}) {
    const auto report = read_report(file(text).string());
    ASSERT_FALSE(report) << text;
    EXPECT_EQ(report.error().code, Errc::usage) << text;
    EXPECT_THAT(report.error().message, HasSubstr("given")) << text;
  }
}

}  // namespace
}  // namespace nodeproof::cli
