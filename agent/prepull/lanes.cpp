#include "agent/prepull/lanes.hpp"

#include <algorithm>
#include <utility>

namespace nodeproof::prepull {
namespace {

constexpr std::chrono::milliseconds kWindow{900};
constexpr double kWorth = 1.2;   // times the bytes that came without it
constexpr double kCrisis = 0.5;  // of what was known: something about the line is another

}  // namespace

bool Lanes::look(std::uint64_t arrived, unsigned under_way, Time now) {
  const std::chrono::duration<double> span = now - since_;
  if (span < kWindow) return false;
  const double rate = static_cast<double>(arrived - arrived_) / span.count();
  since_ = now;
  arrived_ = arrived;
  if (under_way < count_) return false;  // nobody waits for a lane
  if (!std::exchange(warm_, true)) return false;
  return trying_ ? judge(rate) : doubt(rate);
}

bool Lanes::waited(std::chrono::steady_clock::duration all, unsigned cores, Time now) {
  constexpr std::chrono::milliseconds kEnough{50};
  if (widened_ || all < kEnough || all < (now - begin_) / 3) return false;
  widened_ = true;
  const unsigned before = std::exchange(count_, std::max(count_, std::min(most_, cores)));
  trying_ = trying_ && count_ == before;
  return count_ != before;
}

bool Lanes::judge(double rate) {
  if (rate < base_ * kWorth) {
    trying_ = false;
    --count_;
    return true;
  }
  base_ = rate;
  trying_ = count_ < most_;
  count_ += trying_ ? 1 : 0;
  return trying_;
}

bool Lanes::doubt(double rate) {
  if (rate >= base_ * kCrisis) return false;
  base_ = rate;
  trying_ = count_ < most_;
  count_ += trying_ ? 1 : 0;
  return trying_;
}

}  // namespace nodeproof::prepull
