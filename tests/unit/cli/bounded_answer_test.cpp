#include "agent/cli/bounded_answer.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

namespace nodeproof::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{60000};

TEST(BoundedAnswer, IsWhatTheWorkSays) {
  EXPECT_EQ(answer_within(kLong, [] { return std::string("yes"); }), "yes");
  EXPECT_EQ(answer_within(kLong, [] { return std::string(); }), "");
  EXPECT_EQ(answer_within(kLong, [] { return std::string(1 << 20, 'x'); })->size(), 4095U);
}

TEST(BoundedAnswer, IsNoneWhereTheWorkDiesOrHangs) {
  EXPECT_EQ(answer_within(kLong, []() -> std::string { _exit(0); }), std::nullopt);
  EXPECT_EQ(answer_within(kLong,
                          []() -> std::string {
                            kill(getpid(), SIGKILL);
                            return "late";
                          }),
            std::nullopt);
  EXPECT_EQ(answer_within(milliseconds(20),
                          []() -> std::string {
                            for (;;) pause();
                          }),
            std::nullopt);
  EXPECT_EQ(answer_within(milliseconds(0), [] { return std::string("late"); }), std::nullopt);
}

}  // namespace
}  // namespace nodeproof::cli
