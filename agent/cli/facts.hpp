// This host's facts, with what needs a running machine, containerd and the configuration.
#pragma once

#include <stop_token>

#include "agent/config/config.hpp"
#include "agent/model.hpp"

namespace nodeproof::cli {

// For commands that can do without a containerd: when none answers (or two do) that becomes a
// finding about the host.
[[nodiscard]] HostFacts facts_of_this_host(const config::Config& config,
                                           const std::stop_token& stop);

}  // namespace nodeproof::cli
