#include "agent/report/sign_of_life.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <string>
#include <vector>

#include "tests/fakes/fake_clock.hpp"

namespace nodeproof::report {
namespace {

using namespace std::chrono_literals;

const Progress kUnpack{.image = "app:1", .phase = Phase::unpack, .done = 1, .total = 3};
constexpr SignOfLife::Times kByHand{.every = 24h, .patience = 6h};

class SignsOfLife : public testing::Test {
 protected:
  fakes::FakeClock clock;
  std::vector<std::string> said;
  const ProgressSink sink = [this](const Progress& step) {
    said.push_back(step.image + " " + std::to_string(step.done));
  };
};

TEST_F(SignsOfLife, TheLastStepIsSaidAgain) {
  SignOfLife life(sink, clock, kByHand);
  life.take({"app:1", Phase::pull, 7, 9});
  life.take(kUnpack);
  clock.advance(5h);
  life.repeat();
  life.repeat();
  EXPECT_EQ(said, (std::vector<std::string>{"app:1 7", "app:1 1", "app:1 1", "app:1 1"}));
}

TEST_F(SignsOfLife, NothingIsSaidBeforeTheFirstStep) {
  SignOfLife life(sink, clock, kByHand);
  life.repeat();
  EXPECT_TRUE(said.empty());
}

TEST_F(SignsOfLife, AStepThatHangsEndsThem) {
  SignOfLife life(sink, clock, kByHand);
  life.take(kUnpack);
  clock.advance(6h);
  life.repeat();
  EXPECT_EQ(said.size(), 1U);
  life.take(kUnpack);
  life.repeat();
  EXPECT_EQ(said.size(), 3U) << "the next step is lively again";
}

TEST(SignOfLife, ComesByItself) {
  const fakes::FakeClock clock;
  std::latch four(4);
  std::atomic<int> said = 0;
  const ProgressSink sink = [&](const Progress&) {
    if (++said <= 4) four.count_down();
  };
  SignOfLife life(sink, clock, {.every = 1ms, .patience = 6h});
  life.take(kUnpack);
  four.wait();
}

TEST(SignOfLife, EndsAtOnceWithItsOwner) {
  const fakes::FakeClock clock;
  const auto begin = std::chrono::steady_clock::now();
  {
    SignOfLife life([](const Progress&) {}, clock, kByHand);
    life.take(kUnpack);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

}  // namespace
}  // namespace nodeproof::report
