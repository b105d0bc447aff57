#include "common/pipe.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <thread>

namespace nodeproof {
namespace {

// Reads to the end; the error's message in brackets when there is one.
std::string read_all(BytePipe& pipe) {
  std::string text;
  std::array<std::byte, 7> buffer{};
  while (true) {
    const auto got = pipe.read(buffer);
    if (!got) return text + "[" + got.error().message + "]";
    if (*got == 0) return text;
    text += as_text(Bytes(buffer).first(*got));
  }
}

TEST(Pipe, CarriesMoreThanItHolds) {
  BytePipe pipe(16);
  std::string sent;
  for (int i = 0; i < 20000; ++i) sent += static_cast<char>('a' + i % 26);
  std::jthread writer([&] {
    for (std::size_t at = 0; at < sent.size(); at += 37) {
      EXPECT_TRUE(pipe.write(as_bytes(std::string_view(sent).substr(at, 37))));
    }
    pipe.close();
  });
  EXPECT_EQ(read_all(pipe), sent);
}

TEST(Pipe, AFailureComesAfterWhatWasWritten) {
  BytePipe pipe(64);
  EXPECT_TRUE(pipe.write(as_bytes("half")));
  pipe.fail({Errc::truncated, "broke off", ""});
  EXPECT_EQ(read_all(pipe), "half[broke off]");
}

TEST(Pipe, CloseAfterFailChangesNothingAndFailAfterCloseNeither) {
  BytePipe failed(64);
  failed.fail({Errc::truncated, "broke off", ""});
  failed.close();
  EXPECT_EQ(read_all(failed), "[broke off]");
  BytePipe closed(64);
  closed.close();
  closed.fail({Errc::truncated, "too late", ""});
  EXPECT_EQ(read_all(closed), "");
}

TEST(Pipe, AnAbandonedPipeNeverBlocksItsWriter) {
  BytePipe pipe(4);
  std::jthread reader([&] {
    std::array<std::byte, 2> buffer{};
    EXPECT_TRUE(pipe.read(buffer));
    pipe.abandon();
  });
  bool accepted = true;
  for (int i = 0; i < 1000 && accepted; ++i) accepted = pipe.write(as_bytes("0123456789"));
  EXPECT_FALSE(accepted);
  EXPECT_FALSE(pipe.write(as_bytes("x")));
}

TEST(Pipe, StopWakesABlockedReader) {
  std::stop_source stop;
  BytePipe pipe(4, stop.get_token());
  std::jthread stopper([&] { stop.request_stop(); });
  std::array<std::byte, 2> buffer{};
  const auto got = pipe.read(buffer);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Errc::cancelled);
}

TEST(Pipe, StopWakesABlockedWriter) {
  std::stop_source stop;
  BytePipe pipe(4, stop.get_token());
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_FALSE(pipe.write(as_bytes("more than four bytes")));
}

}  // namespace
}  // namespace nodeproof
