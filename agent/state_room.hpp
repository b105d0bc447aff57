// The state directory does not grow for ever: what is kept of images that nobody requires any more
// makes room, the oldest first.
#pragma once

#include <cstdint>

#include "agent/cycle.hpp"

namespace nodeproof {

struct StateRoom {  // bytes; with all else in the directory below 64 MB
  std::uint64_t inventories = 40'000'000;
  std::uint64_t ledger = 12'000'000;
};

// Removes what is beyond that, and what a killed process left half-written a day ago. What
// required images need never goes: without an inventory its layer would have to be read again, and
// may be nowhere to be had. Not for a config whose images were named ad hoc.
void keep_within(const StateRoom& room, const CycleConfig& config, const Clock& clock);

}  // namespace nodeproof
