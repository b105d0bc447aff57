#include "common/tar_gz.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/fakes/temp_folder.hpp"

namespace nodeproof {
namespace {

TEST(TarGz, IsWhatTarUnpacks) {
  const fakes::TempFolder folder;
  const std::vector<PackedFile> files = {{"a/one.txt", "1\n"},
                                         {"a/b/two.bin", std::string(70000, 'x')}};
  const auto packed = make_tar_gz(files, 1700000000);
  ASSERT_TRUE(packed);
  EXPECT_LT(packed->size(), 2000U);
  std::ofstream(folder.path() / "t.tar.gz") << *packed;
  const std::string in = "cd " + folder.path().string() + " && ";
  EXPECT_EQ(std::system((in + "tar -xzf t.tar.gz && test \"$(cat a/one.txt)\" = 1 && "
                              "test $(stat -c %s:%a:%Y a/b/two.bin) = 70000:600:1700000000")
                            .c_str()),
            0);
}

TEST(TarGz, TheSameFilesGiveTheSameBytes) {
  const std::vector<PackedFile> files = {{"a", "1"}};
  EXPECT_EQ(*make_tar_gz(files, 1), *make_tar_gz(files, 1));
  EXPECT_TRUE(make_tar_gz({}, 1));
}

}  // namespace
}  // namespace nodeproof
