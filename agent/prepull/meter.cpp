#include "agent/prepull/meter.hpp"

#include <algorithm>
#include <cmath>

namespace nodeproof::prepull {

std::int64_t Meter::second_of(Time now) const {
  return std::max<std::int64_t>(std::chrono::floor<std::chrono::seconds>(now - begin_).count(), 0);
}

void Meter::add(std::uint64_t bytes, Time now) {
  const std::int64_t number = second_of(now);
  Second& second = seconds_[static_cast<std::size_t>(number) % seconds_.size()];
  if (second.number != number) second = {number, 0};
  second.bytes += bytes;
}

double Meter::rate(Time now) const {
  const std::int64_t present = second_of(now);
  const std::int64_t oldest = std::max<std::int64_t>(present - kSeconds, 0);
  std::uint64_t bytes = 0;
  for (const Second& second : seconds_) {
    if (second.number >= oldest && second.number <= present) bytes += second.bytes;
  }
  const std::chrono::duration<double> span = now - (begin_ + std::chrono::seconds(oldest));
  return static_cast<double>(bytes) / std::max(span.count(), 0.1);
}

Pace Meter::pace(std::uint64_t bytes_left, Time now) const {
  const double bytes_per_second = rate(now);
  Pace pace{static_cast<std::uint64_t>(bytes_per_second), std::nullopt};
  if (bytes_left == 0) {
    pace.left = std::chrono::seconds(0);
  } else if (bytes_per_second >= 1) {
    const double seconds = std::ceil(static_cast<double>(bytes_left) / bytes_per_second);
    pace.left = std::chrono::seconds(static_cast<std::int64_t>(std::min(seconds, 1e9)));
  }
  return pace;
}

}  // namespace nodeproof::prepull
