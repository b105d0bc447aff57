// When the daemon begins to fetch what may wait: pull.windows and pull.start_jitter for one node.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "agent/cycle.hpp"
#include "agent/polls.hpp"
#include "agent/prepull/start.hpp"

namespace nodeproof {

// Cloned cards share a host name, or a machine ID.
[[nodiscard]] std::string fleet_name(const CycleConfig& config, const HostFacts& host);

class PullTurn {
 public:
  // `node`: as Polls takes it. All but the text outlive it.
  PullTurn(const CycleConfig& config, const std::string& node, const Polls& polls,
           const Clock& clock);

  // Nothing: it may begin now. What nobody has wanted yet is wanted now.
  [[nodiscard]] std::optional<Polls::Time> deferred_until(const Reference& tag) const;
  // Errc::deferred, in the operator's words.
  [[nodiscard]] Error error_of(const Reference& tag, Polls::Time until) const;

 private:
  bool patient_;
  prepull::StartRules rules_;
  const Polls& polls_;
  const Clock& clock_;
};

}  // namespace nodeproof
