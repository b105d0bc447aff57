// How much is done at a time. Pure.
#pragma once

#include "agent/prepull/prepull.hpp"
#include "agent/prepull/schedule.hpp"

namespace nodeproof::prepull {

// capped: a bandwidth cap holds for all images. cores: of the processor; 0 = not known.
[[nodiscard]] Limits limits_for(const SetOptions& options, bool capped, unsigned cores);

}  // namespace nodeproof::prepull
