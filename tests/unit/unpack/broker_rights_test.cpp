// Who has which rights, and what of the main process the broker has.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "agent/unpack/broker.hpp"
#include "agent/unpack/rights.hpp"
#include "agent/unpack/sanitized.hpp"
#include "tests/unit/unpack/rig.hpp"

namespace nodeproof::unpack {
namespace {

namespace fs = std::filesystem;

class Rights : public testing::Test {
 protected:
  void SetUp() override { SKIP_WHERE_LAYERS_CANNOT_BE_WRITTEN(); }
  Snapshots snapshots_;
};

Result<UnpackedLayer> leave_a_mark(ByteReader& /*input*/, Whiteouts /*whiteouts*/) {
  TRY(be_confined());
  const UniqueFd file(::open("mark", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  if (!file) return fail_errno(errno, "mark");
  return UnpackedLayer{};
}

TEST_F(Rights, WorksForAProcessThatHasGivenUpItsRights) {
  const std::string place = snapshots_.overlay(1).string();
  EXPECT_EQ("", in_child([&]() -> std::string {
              const auto unpacker = broker_with(leave_a_mark);
              if (!drop_rights()) return "drop_rights";
              for (const char* set : {"CapPrm", "CapEff", "CapInh", "CapAmb", "CapBnd"}) {
                if (status_of(::getpid(), set) != "0000000000000000") return set;
              }
              auto writing = unpacker->begin({place, Whiteouts::overlay});
              if (!writing) return writing.error().message;
              (*writing)->write(as_bytes("x"));
              const auto layer = (*writing)->finish();
              if (!layer) return layer.error().message;
              if (::chown(place.c_str(), 1000, 1000) == 0) return "it may still chown";
              return "";
            }));
  EXPECT_TRUE(fs::exists(snapshots_.overlay(1) / "mark"));
}

// Root without rights may signal root's processes, but not become one that has them.
TEST_F(Rights, LeavesTheBrokerOutOfReachOfWhoAsksIt) {
  EXPECT_EQ("", in_child([]() -> std::string {
              const auto unpacker = broker_with(count_bytes);
              const auto brokers = children_of(::getpid());
              if (brokers.size() != 1) return "no broker";
              if (!drop_rights()) return "drop_rights";
              if (::ptrace(PTRACE_SEIZE, brokers[0], nullptr, nullptr) == 0) return "traced";
              const std::string memory = "/proc/" + std::to_string(brokers[0]) + "/mem";
              const UniqueFd fd(::open(memory.c_str(), O_RDWR | O_CLOEXEC));
              return fd ? "its memory was opened" : "";
            }));
}

TEST_F(Rights, LeavesTheBrokerNoFileOfTheMainProcess) {
  const fs::path file = snapshots_.root() / "a lock, a log, a terminal";
  write_file(file, "");
  const UniqueFd fd(::open(file.c_str(), O_RDONLY));  // without O_CLOEXEC
  const auto unpacker = broker_with(count_bytes);
  ASSERT_TRUE(unpacker->begin(
      {snapshots_.overlay(1).string(), Whiteouts::overlay}));  // it has arranged its files by now
  const auto brokers = children_of(::getpid());
  ASSERT_EQ(1U, brokers.size());
  int count = 0;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(brokers[0]) + "/fd")) {
    std::error_code gone;  // what it was sent for the writer is closed about now
    const std::string target = fs::read_symlink(entry.path(), gone);
    if (gone) continue;
    const bool is_report = kSanitizer && entry.path().filename() == "2";
    EXPECT_TRUE(target == "/dev/null" || target.starts_with("socket:") ||
                target == "anon_inode:[signalfd]" || is_report)
        << target;
    ++count;
  }
  EXPECT_GE(count, 4);
}

TEST_F(Rights, SaysWhichRightsAreMissing) {
  EXPECT_EQ("", in_child([]() -> std::string {
              if (!keep_only(kToWrite & ~bit(CAP_SETFCAP))) return "rights";
              const auto unpacker = start_unpack_broker(leave_a_mark);
              if (unpacker) return "started";
              if (unpacker.error().code != Errc::unsupported) return unpacker.error().message;
              const bool named =
                  unpacker.error().message.ends_with(": CAP_SETFCAP, CAP_SYS_CHROOT");
              return named ? "" : unpacker.error().message;
            }));
}

TEST_F(Rights, StartsBeforeTheFirstThreadOnly) {
  std::atomic<bool> done = false;
  std::jthread other([&] { done.wait(false); });
  const auto unpacker = start_unpack_broker(leave_a_mark);
  EXPECT_EQ(kThreadSanitizer, unpacker.has_value());
  done = true;
  done.notify_all();
}

}  // namespace
}  // namespace nodeproof::unpack
