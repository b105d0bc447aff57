// When a pull that may wait begins: within pull.windows, and by this node's share of
// pull.start_jitter later than other nodes. Pure.
#pragma once

#include <chrono>
#include <vector>

#include "common/time_window.hpp"

namespace nodeproof::prepull {

struct StartRules {
  std::vector<TimeWindow> windows;  // none = at any time
  std::chrono::seconds share{0};    // of the jitter, shorter than each window
  UtcOffset offset;                 // of this node's clock
};

// Not later than `now`: at once. The share counts from when the pull was first wanted, or from the
// window's opening if that comes later; a window it does not fit into any more is passed over.
[[nodiscard]] std::chrono::sys_seconds begin_of(const StartRules& rules,
                                                std::chrono::sys_seconds wanted,
                                                std::chrono::sys_seconds now);

}  // namespace nodeproof::prepull
