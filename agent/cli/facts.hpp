// Host facts with containerd's part, for commands that can do without a containerd.
#pragma once

#include <stop_token>

#include "agent/config/config.hpp"
#include "agent/model.hpp"

namespace nodeproof::cli {

// Asks containerd; when none answers (or two do) that becomes a finding about the host.
void add_containerd(HostFacts& facts, const config::Config& config, const std::stop_token& stop);

}  // namespace nodeproof::cli
