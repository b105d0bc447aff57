// Layers through the broker, from begin() to finish().
#include "agent/unpack/broker.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "agent/unpack/sanitized.hpp"
#include "tests/unit/unpack/rig.hpp"

namespace nodeproof::unpack {
namespace {

namespace fs = std::filesystem;

Result<UnpackedLayer> write_a_file(ByteReader& input, Whiteouts whiteouts) {
  TRY(be_confined());
  const UniqueFd file(::open("layer", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  std::vector<std::byte> buffer(65536);
  UnpackedLayer layer;
  for (;;) {
    const std::size_t count = TRY(input.read(buffer));
    if (count == 0) break;
    if (::write(file.get(), buffer.data(), count) < 0) return fail_errno(errno, "layer");
    layer.bytes += count;
  }
  layer.entries = whiteouts == Whiteouts::overlay ? 1 : 2;
  return layer;
}

class Unpacking : public testing::Test {
 protected:
  void SetUp() override { SKIP_WHERE_LAYERS_CANNOT_BE_WRITTEN(); }

  [[nodiscard]] LayerDirectory directory(int number) const {
    return {snapshots_.overlay(number).string(), Whiteouts::overlay};
  }

  Snapshots snapshots_;
};

TEST_F(Unpacking, WritesWhatItIsGiven) {
  const auto unpacker = broker_with(write_a_file);
  auto writing = unpacker->begin(directory(1));
  ASSERT_TRUE(writing) << writing.error().message;
  const std::string text(3'000'000, 'x');
  EXPECT_TRUE((*writing)->write(as_bytes(text)));
  EXPECT_TRUE((*writing)->write(as_bytes("end")));
  const auto layer = (*writing)->finish();
  ASSERT_TRUE(layer) << layer.error().message;
  EXPECT_EQ(1U, layer->entries);
  EXPECT_EQ(3'000'003U, layer->bytes);
  EXPECT_EQ(text + "end", read_file(snapshots_.overlay(1) / "layer", 4 << 20).value_or(""));
}

TEST_F(Unpacking, WritesIntoACopyToo) {
  const auto unpacker = broker_with(write_a_file);
  auto writing = unpacker->begin({snapshots_.native(1).string(), Whiteouts::remove});
  ASSERT_TRUE(writing) << writing.error().message;
  const auto layer = (*writing)->finish();
  ASSERT_TRUE(layer) << layer.error().message;
  EXPECT_EQ(2U, layer->entries);
  EXPECT_TRUE(fs::exists(snapshots_.native(1) / "layer"));
}

// As in a process that was started with standard descriptors and nothing else: the next one is 3.
TEST_F(Unpacking, TheBrokerHoldsNothingButItsRequestsWhereDescriptor3IsFree) {
  if (kSanitizer) GTEST_SKIP() << "its report's descriptor is kept";
  const UniqueFd three(::fcntl(3, F_DUPFD_CLOEXEC, 100));
  ::close(3);
  {
    const auto unpacker = broker_with(write_a_file);
    ASSERT_TRUE(unpacker->begin(directory(1)));  // it has arranged its files by now
    const auto brokers = children_of(::getpid());
    ASSERT_EQ(1U, brokers.size());
    for (const char* fd : {"0", "1", "2"}) {
      EXPECT_EQ("/dev/null",
                fs::read_symlink(fs::path("/proc") / std::to_string(brokers[0]) / "fd" / fd))
          << fd;
    }
  }
  if (three) ::dup2(three.get(), 3);
}

TEST_F(Unpacking, WritesTwoLayersAtOnce) {
  const auto unpacker = broker_with(write_a_file);
  const auto write = [&](int number) {
    for (int round = 0; round < 5; ++round) {
      fs::remove(snapshots_.overlay(number) / "layer");
      auto writing = unpacker->begin(directory(number));
      ASSERT_TRUE(writing) << writing.error().message;
      const std::string text(1 << 20, static_cast<char>('0' + number));
      for (int i = 0; i < 8; ++i) EXPECT_TRUE((*writing)->write(as_bytes(text)));
      const auto layer = (*writing)->finish();
      ASSERT_TRUE(layer) << layer.error().message;
      EXPECT_EQ(8U << 20U, layer->bytes);
    }
  };
  {
    const std::jthread one(write, 1), two(write, 2);
  }
  for (const int number : {1, 2}) {
    const std::string text = read_file(snapshots_.overlay(number) / "layer", 16 << 20).value_or("");
    EXPECT_EQ(std::string(8 << 20, static_cast<char>('0' + number)), text);
  }
}

Result<UnpackedLayer> fail_with_remedy(ByteReader& /*input*/, Whiteouts /*whiteouts*/) {
  return fail(Errc::no_space, "writing usr/x: No space left on device", "make room");
}

TEST_F(Unpacking, PassesErrorsOnAsTheyAre) {
  const auto outcome = outcome_of(fail_with_remedy);
  ASSERT_FALSE(outcome);
  EXPECT_EQ((Error{Errc::no_space, "writing usr/x: No space left on device", "make room"}),
            outcome.error());
}

TEST_F(Unpacking, TakesNoMoreAfterAnError) {
  const auto unpacker = broker_with(fail_with_remedy);
  auto writing = unpacker->begin(directory(1));
  ASSERT_TRUE(writing) << writing.error().message;
  const std::string text(1 << 20, 'x');
  bool taken = true;
  for (int i = 0; i < 64 && taken; ++i) taken = (*writing)->write(as_bytes(text));
  EXPECT_FALSE(taken);
  EXPECT_EQ(Errc::no_space, (*writing)->finish().error().code);
}

Result<UnpackedLayer> read_nothing(ByteReader& /*input*/, Whiteouts /*whiteouts*/) {
  return UnpackedLayer{7, 0, {}, {}};
}

TEST_F(Unpacking, TakesWhatFollowsTheEndOfATar) {
  const auto unpacker = broker_with(read_nothing);
  auto writing = unpacker->begin(directory(1));
  ASSERT_TRUE(writing) << writing.error().message;
  const std::string text(1 << 20, 'x');
  for (int i = 0; i < 16; ++i) EXPECT_TRUE((*writing)->write(as_bytes(text)));
  const auto layer = (*writing)->finish();
  ASSERT_TRUE(layer) << layer.error().message;
  EXPECT_EQ(7U, layer->entries);
}

// Behind until somebody opens the other end.
Result<UnpackedLayer> wait_for_fifo(ByteReader& input, Whiteouts whiteouts) {
  const UniqueFd fifo(::open("fifo", O_RDONLY | O_CLOEXEC));
  if (!fifo) return fail_errno(errno, "fifo");
  return count_bytes(input, whiteouts);
}

TEST_F(Unpacking, WaitsForAWriterThatIsBehind) {
  const auto unpacker = broker_with(wait_for_fifo);
  const fs::path fifo = snapshots_.overlay(1) / "fifo";
  ASSERT_EQ(0, ::mkfifo(fifo.c_str(), 0600));
  auto writing = unpacker->begin({snapshots_.overlay(1).string(), Whiteouts::remove});
  ASSERT_TRUE(writing) << writing.error().message;
  constexpr std::size_t kPieces = 1024;
  std::atomic<std::size_t> written = 0;
  std::atomic<pid_t> thread = 0;
  std::atomic<bool> ended = false;
  std::jthread source([&] {
    thread = ::gettid();
    const std::string text(65536, 'x');
    for (; written < kPieces && (*writing)->write(as_bytes(text)); ++written) {
    }
    ended = true;
  });
  while (!ended && (thread == 0 || !status_of(thread, "State").starts_with('S'))) {
    std::this_thread::yield();
  }
  EXPECT_LT(written, kPieces / 8);
  const UniqueFd release(::open(fifo.c_str(), O_RDWR | O_CLOEXEC));
  source.join();
  EXPECT_EQ(kPieces, written);
  const auto layer = (*writing)->finish();
  ASSERT_TRUE(layer) << layer.error().message;
  EXPECT_EQ(kPieces * 65536, layer->bytes);
}

TEST_F(Unpacking, RefusesDirectoriesThatAreNoSnapshots) {
  const auto unpacker = broker_with(write_a_file);
  for (const char* path : {"/etc", "/", "", "relative", "/tmp/../etc"}) {
    const auto writing = unpacker->begin({path, Whiteouts::overlay});
    ASSERT_FALSE(writing) << path;
    EXPECT_EQ(Errc::unsupported, writing.error().code) << writing.error().message;
  }
  EXPECT_FALSE(fs::exists("/etc/layer"));
  EXPECT_FALSE(unpacker->begin({"/" + std::string(5000, 'x'), Whiteouts::overlay}));
  EXPECT_TRUE(unpacker->begin(directory(1)));  // and goes on
}

}  // namespace
}  // namespace nodeproof::unpack
