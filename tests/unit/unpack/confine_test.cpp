// What a writer sees and may do, tried from the inside.
#include "agent/unpack/confine.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "agent/unpack/rights.hpp"
#include "tests/unit/unpack/rig.hpp"

namespace nodeproof::unpack {
namespace {

UnpackedLayer says(std::vector<std::string> words) { return {0, 0, std::move(words), {}}; }

Result<UnpackedLayer> try_to_open(ByteReader& /*input*/, Whiteouts /*whiteouts*/) {
  std::vector<std::string> answers;
  for (const char* path : {"/etc/passwd", "../../../../../../../../etc/passwd", "/proc/self/status",
                           "/dev/null", "..", "inside"}) {
    struct ::stat status{}, root{};
    const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
    std::string answer = fd ? "open" : std::strerror(errno);
    if (fd && ::fstat(fd.get(), &status) == 0 && ::stat("/", &root) == 0 &&
        status.st_ino == root.st_ino) {
      answer = "the root";
    }
    answers.push_back(std::string(path) + ": " + answer);
  }
  return says(answers);
}

TEST(Writer, WritesNoLayerOverAnotherOne) {
  SKIP_WHERE_LAYERS_CANNOT_BE_WRITTEN();
  const Snapshots snapshots;
  write_file(snapshots.overlay(1) / "inside", "x");
  const auto unpacker = broker_with(try_to_open);
  const auto writing = unpacker->begin({snapshots.overlay(1).string(), Whiteouts::overlay});
  ASSERT_FALSE(writing);
  EXPECT_EQ(Errc::unsupported, writing.error().code);
  EXPECT_NE(std::string::npos, writing.error().message.find("has something in it already"));
}

TEST(Writer, SeesNothingButItsDirectory) {
  SKIP_WHERE_LAYERS_CANNOT_BE_WRITTEN();
  const Snapshots snapshots;
  write_file(snapshots.overlay(1) / "inside", "x");
  const auto unpacker = broker_with(try_to_open);
  auto writing = unpacker->begin({snapshots.overlay(1).string(), Whiteouts::remove});
  ASSERT_TRUE(writing) << writing.error().message;
  const auto outcome = (*writing)->finish();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ((std::vector<std::string>{
                "/etc/passwd: No such file or directory",
                "../../../../../../../../etc/passwd: No such file or directory",
                "/proc/self/status: No such file or directory",
                "/dev/null: No such file or directory", "..: the root", "inside: open"}),
            outcome->implied);
}

Result<UnpackedLayer> list_open_files(ByteReader& /*input*/, Whiteouts /*whiteouts*/) {
  std::vector<std::string> open;
  for (int fd = 0; fd < 1024; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) open.push_back(std::to_string(fd));
  }
  return says(open);
}

TEST(Writer, HasItsInputItsResultAndNowhereForErrors) {
  SKIP_WHERE_LAYERS_CANNOT_BE_WRITTEN();
  const UniqueFd other(::open("/etc/passwd", O_RDONLY));  // without O_CLOEXEC
  const auto outcome = outcome_of(list_open_files);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ((std::vector<std::string>{"0", "1", "2"}), outcome->implied);
}

Result<UnpackedLayer> use_a_device(ByteReader& /*input*/, Whiteouts /*whiteouts*/) {
  TRY(be_confined());
  std::vector<std::string> answers;
  for (const mode_t kind : {mode_t{S_IFCHR}, mode_t{S_IFBLK}}) {
    const std::string name = kind == S_IFCHR ? "char" : "block";
    const dev_t device = kind == S_IFCHR ? makedev(1, 3) : makedev(7, 0);
    const bool made = ::mknod(name.c_str(), kind | 0600, device) == 0;
    answers.push_back(name + (made ? " made" : std::string(": ") + std::strerror(errno)));
    const UniqueFd fd(::open(name.c_str(), O_RDWR | O_CLOEXEC));
    answers.push_back(fd ? "open" : std::strerror(errno));
  }
  return says(answers);
}

TEST(Writer, MakesDevicesThatItCannotOpen) {
  SKIP_WHERE_LAYERS_CANNOT_BE_WRITTEN();
  if ((capabilities().value_or(0) & kToMount) == 0) GTEST_SKIP() << "without CAP_SYS_ADMIN";
  const auto outcome = outcome_of(use_a_device);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ((std::vector<std::string>{"char made", "Permission denied", "block made",
                                      "Permission denied"}),
            outcome->implied);
}

TEST(Writer, MakesNoDevicesWhereItCannotHaveAMountWithoutThem) {
  SKIP_WHERE_LAYERS_CANNOT_BE_WRITTEN();
  EXPECT_EQ("", in_child([]() -> std::string {
              if (!keep_only(kToWrite | kToConfine | bit(CAP_MKNOD))) return "rights";
              const auto outcome = outcome_of(use_a_device);
              if (!outcome) return outcome.error().message;
              const bool refused = outcome->implied[0] == "char: Operation not permitted" &&
                                   outcome->implied[2].starts_with("block: ");
              return refused ? "" : outcome->implied[0];
            }));
}

Result<UnpackedLayer> make_whiteout(ByteReader& /*input*/, Whiteouts /*whiteouts*/) {
  TRY(be_confined());
  if (::mknod("gone", S_IFCHR, 0) != 0) return fail_errno(errno, "a whiteout");
  return UnpackedLayer{};
}

TEST(Writer, MakesWhiteoutsWithoutTheRightToMakeDevices) {
  SKIP_WHERE_LAYERS_CANNOT_BE_WRITTEN();
  EXPECT_EQ("", in_child([]() -> std::string {
              if (!keep_only(kToWrite | kToConfine)) return "rights";
              const auto outcome = outcome_of(make_whiteout);
              return outcome ? "" : outcome.error().message;  // Linux before 5.8 refuses
            }));
}

Result<UnpackedLayer> work_as_root(ByteReader& /*input*/, Whiteouts /*whiteouts*/) {
  TRY(be_confined());
  const UniqueFd file(::open("file", O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
  struct ::stat status{};
  if (::fchown(file.get(), 1000, 1000) != 0) return fail_errno(errno, "chown");
  if (::fchmod(file.get(), 06755) != 0) return fail_errno(errno, "chmod");
  if (::fstat(file.get(), &status) != 0) return fail_errno(errno, "stat");
  if ((status.st_mode & 07777) != 06755) return fail(Errc::io, "setuid was lost");
  if (::mkdir("closed", 0) != 0 || ::chown("closed", 1000, 1000) != 0) {
    return fail_errno(errno, "directory");
  }
  if (::symlink("/x", "closed/link") != 0) return fail_errno(errno, "link");
  if (::link("file", "closed/file") != 0) return fail_errno(errno, "hard link across directories");
  if (::rename("closed/file", "moved") != 0) return fail_errno(errno, "rename");
  return UnpackedLayer{};
}

TEST(Writer, WritesFilesOfOthersWithAnyMode) {
  SKIP_WHERE_LAYERS_CANNOT_BE_WRITTEN();
  const auto outcome = outcome_of(work_as_root);
  EXPECT_TRUE(outcome) << outcome.error().message;
}

TEST(Writer, HasFewRightsAndCannotGetMore) {
  SKIP_WHERE_LAYERS_CANNOT_BE_WRITTEN();
  const Snapshots snapshots;
  const auto unpacker = broker_with(count_bytes);
  auto writing = unpacker->begin({snapshots.overlay(1).string(), Whiteouts::overlay});
  ASSERT_TRUE(writing) << writing.error().message;
  const auto brokers = children_of(::getpid());
  ASSERT_EQ(1U, brokers.size());
  const auto writers = children_of(brokers[0]);
  ASSERT_EQ(1U, writers.size());
  const bool mounts = (capabilities().value_or(0) & kToMount) != 0;
  EXPECT_EQ(mounts ? "000000008800001b" : "000000008000001b", status_of(writers[0], "CapEff"));
  EXPECT_EQ(status_of(writers[0], "CapEff"), status_of(writers[0], "CapPrm"));
  EXPECT_EQ("0000000000000000", status_of(writers[0], "CapInh"));
  EXPECT_EQ(status_of(writers[0], "CapEff"), status_of(writers[0], "CapBnd"));
  EXPECT_EQ("1", status_of(writers[0], "NoNewPrivs"));
  EXPECT_EQ("2", status_of(writers[0], "Seccomp"));
}

}  // namespace
}  // namespace nodeproof::unpack
