// A configuration and a host, in the words of the pull.
#pragma once

#include "agent/cycle.hpp"
#include "agent/prepull/prepull.hpp"
#include "common/memory.hpp"

namespace nodeproof {

inline prepull::SetOptions set_options(const CycleConfig& config, const HostFacts& host) {
  prepull::SetOptions options;
  options.parallel = config.settings.pull.parallel;
  options.bandwidth = config.settings.pull.bandwidth;
  options.memory = memory_limit();
  options.keep_free = config.settings.pull.keep_free;
  options.kubelet = host.kubelet;
  if (host.containerd) {
    options.snapshotter = host.containerd->snapshotter;
    options.one_commit_at_a_time = prepull::commits_block(host.containerd->version);
  }
  return options;
}

// The hosts that an image is required on.
[[nodiscard]] inline bool applies(const HostCondition& when, const HostFacts& host) {
  return (when.architecture.empty() || when.architecture == host.platform.architecture) &&
         (when.board.empty() || host.board.contains(when.board)) &&
         (when.page_size == 0 || when.page_size == host.page_size);
}

}  // namespace nodeproof
