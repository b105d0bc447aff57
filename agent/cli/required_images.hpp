// The images that other places than the configuration require: looked for before a cycle.
#pragma once

#include <stop_token>

#include "agent/cycle.hpp"

namespace nodeproof::cli {

// Puts them into the cycle's images, beside who needs them and what could not be found out. Not for
// images that were named on the command line.
void find_required(CycleConfig& cycle, const std::stop_token& stop);

}  // namespace nodeproof::cli
