// The images that other places than the configuration require: looked for before a cycle.
#pragma once

#include <stop_token>

#include "agent/cycle.hpp"
#include "agent/registry/pod_logins.hpp"

namespace nodeproof::cli {

enum class Ask {
  everything,  // and what the API server says is kept for the time when it cannot be asked
  to_plan,     // the same, and nothing is written
  without_logins,
  nobody,  // what the API server said last stands
};

// Puts them into the cycle's images, beside who needs them and what could not be found out; gives
// the logins of the pods. Not for images that were named on the command line.
registry::PodLogins find_required(CycleConfig& cycle, Ask ask, const std::stop_token& stop);

}  // namespace nodeproof::cli
