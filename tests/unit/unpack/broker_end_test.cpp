// However one of the processes ends, none is left behind and nobody waits for ever.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "agent/unpack/broker.hpp"
#include "tests/unit/unpack/rig.hpp"

namespace nodeproof::unpack {
namespace {

class Ending : public testing::Test {
 protected:
  void SetUp() override { SKIP_WHERE_LAYERS_CANNOT_BE_WRITTEN(); }

  void begin(WriteLayer write = count_bytes) {
    unpacker_ = broker_with(write);
    auto writing = unpacker_->begin({snapshots_.overlay(1).string(), Whiteouts::overlay});
    ASSERT_TRUE(writing) << writing.error().message;
    writing_ = std::move(*writing);
    const auto brokers = children_of(::getpid());
    ASSERT_EQ(1U, brokers.size());
    broker_ = brokers[0];
    const auto writers = children_of(broker_);
    ASSERT_EQ(1U, writers.size());
    writer_ = writers[0];
  }

  // Until it is refused: 1 GiB would be counted in no time by a writer that lives.
  [[nodiscard]] bool write_on() const {
    const std::string text(1 << 20, 'x');
    for (int i = 0; i < 1024; ++i) {
      if (!writing_->write(as_bytes(text))) return false;
    }
    return true;
  }

  Snapshots snapshots_;
  std::unique_ptr<LayerUnpacker> unpacker_;
  std::unique_ptr<LayerWriting> writing_;
  pid_t broker_ = -1, writer_ = -1;
};

TEST_F(Ending, OfTheWriterMidStreamIsAnErrorThatNamesTheSignal) {
  begin();
  ASSERT_TRUE(writing_->write(as_bytes("begun")));
  ASSERT_EQ(0, ::kill(writer_, SIGKILL));
  EXPECT_FALSE(write_on());
  const auto outcome = writing_->finish();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(Errc::io, outcome.error().code);
  EXPECT_NE(std::string::npos, outcome.error().message.find("SIGKILL")) << outcome.error().message;
  EXPECT_NE("", outcome.error().remedy);
  EXPECT_TRUE(unpacker_->begin({snapshots_.overlay(2).string(), Whiteouts::overlay}));
}

TEST_F(Ending, OfTheBrokerIsAnErrorAndEndsItsWriters) {
  begin();
  const UniqueFd writer(static_cast<int>(::syscall(SYS_pidfd_open, writer_, 0)));
  ASSERT_EQ(0, ::kill(broker_, SIGKILL));
  EXPECT_FALSE(write_on());
  const auto outcome = writing_->finish();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(Errc::io, outcome.error().code) << outcome.error().message;
  const auto next = unpacker_->begin({snapshots_.overlay(2).string(), Whiteouts::overlay});
  ASSERT_FALSE(next);
  EXPECT_EQ(Errc::io, next.error().code) << next.error().message;
  const auto adopted = unpacker_->adopt({});
  ASSERT_FALSE(adopted);
  EXPECT_EQ(Errc::io, adopted.error().code) << adopted.error().message;
  if (!writer) GTEST_SKIP() << "Linux before 5.3";
  pollfd ended{writer.get(), POLLIN, 0};
  EXPECT_EQ(1, ::poll(&ended, 1, 60'000));
}

TEST_F(Ending, OfAWritingEndsItsWriterBeforeItReturns) {
  begin();
  ASSERT_TRUE(writing_->write(as_bytes("begun")));
  writing_.reset();
  EXPECT_EQ(-1, ::kill(writer_, 0));
  EXPECT_EQ(ESRCH, errno);
  EXPECT_EQ(0, ::kill(broker_, 0));
}

Result<UnpackedLayer> never_read(ByteReader& /*input*/, Whiteouts /*whiteouts*/) {
  for (;;) ::sched_yield();
}

TEST_F(Ending, OfAWritingWhoseWriterDoesNotRead) {
  begin(never_read);
  writing_.reset();
  EXPECT_EQ(-1, ::kill(writer_, 0));
}

TEST_F(Ending, OfTheUnpackerEndsBrokerAndWriters) {
  begin();
  unpacker_.reset();
  EXPECT_EQ(-1, ::kill(writer_, 0));
  EXPECT_EQ(-1, ::kill(broker_, 0));
  EXPECT_FALSE(write_on());
  EXPECT_FALSE(writing_->finish());
}

TEST_F(Ending, BySignalsOfATerminalIsLeftToTheMainProcess) {
  begin();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    ASSERT_EQ(0, ::kill(broker_, signal));
    ASSERT_EQ(0, ::kill(writer_, signal));
  }
  EXPECT_TRUE(writing_->write(as_bytes("x")));
  const auto outcome = writing_->finish();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(1U, outcome->bytes);
}

Result<UnpackedLayer> close_result(ByteReader& /*input*/, Whiteouts /*whiteouts*/) {
  ::close(1);
  return UnpackedLayer{};
}

TEST_F(Ending, WithoutAWordIsAnError) {
  const auto outcome = outcome_of(close_result);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(Errc::io, outcome.error().code) << outcome.error().message;
}

Result<UnpackedLayer> talk_without_end(ByteReader& /*input*/, Whiteouts /*whiteouts*/) {
  const std::string text(1 << 16, 'x');
  while (::write(1, text.data(), text.size()) > 0) {
  }
  return UnpackedLayer{};
}

TEST_F(Ending, OfAWriterThatSaysTooMuch) {
  const auto outcome = outcome_of(talk_without_end);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(Errc::too_large, outcome.error().code) << outcome.error().message;
}

struct Pids {
  pid_t broker = -1, writer = -1;
};

// A main process: tells whom it started and waits to be killed.
[[noreturn]] void be_main(const std::string& place, int tell) {
  const auto unpacker = broker_with(count_bytes);
  const auto writing = unpacker->begin({place, Whiteouts::overlay});
  Pids pids;
  for (const pid_t broker : children_of(::getpid())) {
    pids.broker = broker;
    for (const pid_t writer : children_of(broker)) pids.writer = writer;
  }
  if (::write(tell, &pids, sizeof pids) != sizeof pids) ::_exit(1);
  for (;;) ::pause();
}

TEST_F(Ending, OfTheMainProcessByAnySignalLeavesNobody) {
  for (const int signal : {SIGKILL, SIGTERM}) {
    std::array<int, 2> ends{};
    ASSERT_EQ(0, ::pipe2(ends.data(), O_CLOEXEC));
    const UniqueFd told(ends[0]);
    UniqueFd tell(ends[1]);
    const std::string place = snapshots_.overlay(1).string();
    const pid_t main = ::fork();
    if (main == 0) be_main(place, tell.get());
    tell.reset();
    Pids pids;
    const bool known = ::read(told.get(), &pids, sizeof pids) == sizeof pids;
    const UniqueFd broker(static_cast<int>(::syscall(SYS_pidfd_open, pids.broker, 0)));
    const UniqueFd writer(static_cast<int>(::syscall(SYS_pidfd_open, pids.writer, 0)));
    ::kill(main, signal);
    ::waitpid(main, nullptr, 0);
    ASSERT_TRUE(known);
    if (!broker || !writer) GTEST_SKIP() << "Linux before 5.3";
    for (const UniqueFd* process : {&broker, &writer}) {
      pollfd ended{process->get(), POLLIN, 0};
      EXPECT_EQ(1, ::poll(&ended, 1, 60'000));
    }
  }
}

Result<UnpackedLayer> crash(ByteReader& /*input*/, Whiteouts /*whiteouts*/) { __builtin_trap(); }

TEST_F(Ending, ByACrashNamesTheSignal) {
  const auto outcome = outcome_of(crash);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(Errc::internal, outcome.error().code);
  EXPECT_NE(std::string::npos, outcome.error().message.find("ended by SIG"))
      << outcome.error().message;
}

}  // namespace
}  // namespace nodeproof::unpack
