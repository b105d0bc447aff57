#include "agent/prepull/start.hpp"

#include <algorithm>

namespace nodeproof::prepull {

std::chrono::sys_seconds begin_of(const StartRules& rules, std::chrono::sys_seconds wanted,
                                  std::chrono::sys_seconds now) {
  wanted = std::min(wanted, now);  // else the clock was set back
  if (rules.windows.empty()) return wanted + rules.share;
  for (const TimeSpan& span : open_spans(rules.windows, now, rules.offset)) {
    const auto begin = std::max(span.begin, wanted) + rules.share;
    if (begin < span.end) return begin;
  }
  // Clocks that were put forward have made each window shorter than the share.
  return now + std::chrono::days(1);
}

}  // namespace nodeproof::prepull
