#include "agent/smoke/program.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "common/elf.hpp"
#include "tests/fakes/temp_folder.hpp"

namespace nodeproof::smoke {
namespace {

class Program : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = *Root::open(path_);
    if (root_->open_file("/", 0).error == ENOSYS)
      GTEST_SKIP() << "openat2 is not there: an old kernel or emulation";
  }
  void file(const std::string& name, std::string_view content, unsigned mode = 0755) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << content;
    std::filesystem::permissions(path_ / name, std::filesystem::perms(mode));
  }
  // The first 64 bytes of a 64-bit little-endian ELF file.
  static std::string elf_header(std::uint16_t machine) {
    std::string header(64, '\0');
    header.replace(0, 7,
                   std::string("\x7f"
                               "ELF\x02\x01\x01"));
    header[16] = 2;
    header[18] = static_cast<char>(machine & 0xff);
    header[19] = static_cast<char>(machine >> 8);
    header[20] = 1;
    header[52] = 64;
    header[54] = 56;
    return header;
  }
  [[nodiscard]] StartCause why(const std::string& program, int error) const {
    return why_not_started(*root_, program, error).cause;
  }
  static PlannedRun run(std::string name, std::string path = "PATH=/bin:/usr/bin") {
    PlannedRun planned;
    planned.args = {std::move(name)};
    planned.env = {std::move(path)};
    planned.cwd = "/srv";
    return planned;
  }

  const fakes::TempFolder folder_;
  const std::filesystem::path& path_ = folder_.path();
  std::optional<Root> root_;
};

TEST_F(Program, IsFoundInThePathOfTheEnvironment) {
  file("usr/bin/app", "x");
  file("bin/other", "x", 0644);
  file("usr/bin/other", "x");
  file("srv/here", "x");
  EXPECT_EQ(locate_program(run("app"), *root_), "/usr/bin/app");
  EXPECT_EQ(locate_program(run("other"), *root_), "/usr/bin/other");
  EXPECT_EQ(locate_program(run("./here"), *root_), "/srv/./here");
  EXPECT_EQ(locate_program(run("here", "PATH=:/bin"), *root_), "/srv/here");
  EXPECT_EQ(locate_program(run("/usr/bin/app"), *root_), "/usr/bin/app");
  EXPECT_EQ(locate_program(run("absent"), *root_), "absent");
}

TEST_F(Program, ThatIsNoProgramSaysWhatItIs) {
  const std::uint16_t other =
      native_machine() == elf::kMachineX86_64 ? elf::kMachineAArch64 : elf::kMachineX86_64;
  file("empty", "");
  file("zeros", std::string(5000, '\0'));
  file("text", "echo hello\n");
  file("wrong", elf_header(other));
  file("short", elf_header(native_machine()).substr(0, 30));
  EXPECT_EQ(why("/empty", ENOEXEC), StartCause::file_empty);
  EXPECT_EQ(why("/zeros", ENOEXEC), StartCause::file_zeroed);
  EXPECT_EQ(why("/text", ENOEXEC), StartCause::no_shebang);
  EXPECT_EQ(why("/wrong", ENOEXEC), StartCause::wrong_architecture);
  EXPECT_NE(why_not_started(*root_, "/wrong", ENOEXEC).detail.find("e_machine"), std::string::npos);
  EXPECT_EQ(why("/short", ENOEXEC), StartCause::file_truncated);
  EXPECT_EQ(why("/absent", ENOENT), StartCause::file_missing);
  file("plain", "x", 0644);
  EXPECT_EQ(why("/plain", EACCES), StartCause::not_executable);
  EXPECT_EQ(why("/", EACCES), StartCause::not_executable);
}

TEST_F(Program, WhoseInterpreterIsMissingNamesIt) {
  file("script", "#! /bin/sh -e\n");
  EXPECT_EQ(why_not_started(*root_, "/script", ENOENT).detail, "/bin/sh");
  file("dos", "#!/bin/sh\r\n");
  file("bin/sh", "#!/bin/absent\n");
  EXPECT_EQ(why_not_started(*root_, "/dos", ENOENT).detail, "/bin/sh\r");
  EXPECT_EQ(why_not_started(*root_, "/script", ENOENT).detail, "/bin/absent");
}

TEST_F(Program, BehindScriptsIsTheOneThatRuns) {
  file("bin/real", elf_header(native_machine()));
  file("one", "#!/two\n");
  file("two", "#!/bin/real -x\n");
  EXPECT_EQ(follow_shebangs(*root_, "/one").path, "/bin/real");
  EXPECT_EQ(follow_shebangs(*root_, "/one").machine, native_machine());
  file("loop", "#!/loop\n");
  EXPECT_EQ(follow_shebangs(*root_, "/loop").path, "");
}

}  // namespace
}  // namespace nodeproof::smoke
