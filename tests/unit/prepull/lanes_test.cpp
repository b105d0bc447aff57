#include "agent/prepull/lanes.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace nodeproof::prepull {
namespace {

using namespace std::chrono_literals;
using Time = Lanes::Time;

constexpr Time kBegin = Time() + 1h;

// As many large blobs as there are lanes, on a line of so many bytes per second of which each
// connection gets a part at most.
class Line {
 public:
  Line(Lanes& lanes, double whole, double connection)
      : lanes_(lanes), whole_(whole), connection_(connection) {}

  unsigned after(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      bytes_ += std::min(whole_, connection_ * lanes_.count());
      now_ += 1s;
      lanes_.look(static_cast<std::uint64_t>(bytes_), lanes_.count(), now_);
      most_ = std::max(most_, lanes_.count());
    }
    return lanes_.count();
  }
  void becomes(double whole) { whole_ = whole; }
  [[nodiscard]] unsigned most() const { return most_; }

 private:
  Lanes& lanes_;
  double whole_, connection_;
  double bytes_ = 0;
  Time now_ = kBegin;
  unsigned most_ = 1;
};

TEST(Lanes, OneWhereTheLineIsTheBound) {
  Lanes lanes(3, kBegin);
  Line line(lanes, 6e6, 1e9);
  EXPECT_EQ(line.after(4), 1U);
  EXPECT_EQ(line.after(60), 1U);
  EXPECT_EQ(line.most(), 2U) << "one more is tried once";
}

TEST(Lanes, AsManyAsPayWhereConnectionsAreSlow) {
  Lanes lanes(4, kBegin);
  EXPECT_EQ(Line(lanes, 25e6, 10e6).after(20), 3U);
}

TEST(Lanes, NoMoreThanAllowed) {
  Lanes lanes(3, kBegin);
  Line line(lanes, 1e9, 10e6);
  EXPECT_EQ(line.after(20), 3U);
  EXPECT_EQ(line.most(), 3U);
}

TEST(Lanes, OneAloneIsAllThatIsAllowed) {
  Lanes lanes(1, kBegin);
  Line line(lanes, 1e9, 10e6);
  line.after(20);
  EXPECT_EQ(line.most(), 1U);
}

TEST(Lanes, ABlobThatStandsStillHoldsUpNoOther) {
  Lanes lanes(3, kBegin);
  Line line(lanes, 6e6, 1e9);
  EXPECT_EQ(line.after(10), 1U);
  line.becomes(0);
  EXPECT_EQ(line.after(3), 3U);
}

TEST(Lanes, OneForEachCoreWhereTheProcessorIsTheBound) {
  Lanes lanes(3, kBegin);
  EXPECT_FALSE(lanes.waited(40ms, 2, kBegin + 60ms)) << "too short to tell";
  EXPECT_FALSE(lanes.waited(100ms, 2, kBegin + 900ms)) << "the line is slow as well";
  EXPECT_TRUE(lanes.waited(400ms, 2, kBegin + 1s));
  EXPECT_EQ(lanes.count(), 2U);
  EXPECT_FALSE(lanes.waited(800ms, 2, kBegin + 2s)) << "once";
}

TEST(Lanes, OneOfASingleCore) {
  Lanes lanes(3, kBegin);
  EXPECT_FALSE(lanes.waited(900ms, 1, kBegin + 1s));
  EXPECT_EQ(lanes.count(), 1U);
}

TEST(Lanes, AreTriedOnlyWhereABlobWaitsForOne) {
  Lanes lanes(3, kBegin);
  for (int i = 1; i < 10; ++i) EXPECT_FALSE(lanes.look(0, 0, kBegin + i * 1s));
  EXPECT_EQ(lanes.count(), 1U);
}

TEST(Lanes, SeveralWhoLookAtOnceAreOne) {
  Lanes lanes(3, kBegin);
  EXPECT_FALSE(lanes.look(6'000'000, 1, kBegin + 1s));
  EXPECT_FALSE(lanes.look(6'000'000, 1, kBegin + 1001ms));
  EXPECT_TRUE(lanes.look(12'000'000, 1, kBegin + 2s));
  EXPECT_FALSE(lanes.look(12'100'000, 2, kBegin + 2001ms));
}

TEST(Lanes, AConnectionsSlowBeginningIsNoMeasure) {
  Lanes lanes(3, kBegin);
  EXPECT_FALSE(lanes.look(3'000'000, 1, kBegin + 1s));
  EXPECT_TRUE(lanes.look(9'000'000, 1, kBegin + 2s));
  EXPECT_TRUE(lanes.look(15'000'000, 2, kBegin + 3s));
  EXPECT_EQ(lanes.count(), 1U);
}

}  // namespace
}  // namespace nodeproof::prepull
