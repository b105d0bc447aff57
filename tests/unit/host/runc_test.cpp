#include "agent/host/runc.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::host {
namespace {

class Runc : public testing::Test {
 protected:
  void write(const char* file, const char* text) const {
    std::filesystem::create_directories((root.path() / file).parent_path());
    std::ofstream(root.path() / file) << text;
  }
  fakes::TempFolder root;
};

TEST_F(Runc, OfAPackageIsItsVersion) {
  write("usr/sbin/runc", "ELF");
  write("var/lib/dpkg/status",
        "Package: runc\nStatus: install ok installed\nVersion: 1.1.5+ds1-1+deb12u1\n\n");
  EXPECT_EQ(read_runc(root.path()), "runc 1.1.5+ds1-1+deb12u1");
}

TEST_F(Runc, OfNoPackageIsItsFile) {
  write("usr/sbin/runc", "ELF");
  EXPECT_THAT(read_runc(root.path()), testing::StartsWith("/usr/sbin/runc 3 "));
  write("usr/local/sbin/runc", "newer");
  EXPECT_THAT(read_runc(root.path()), testing::StartsWith("/usr/local/sbin/runc 5 "));
}

TEST_F(Runc, ThatIsFoundNowhereIsNotKnown) { EXPECT_EQ(read_runc(root.path()), ""); }

}  // namespace
}  // namespace nodeproof::host
