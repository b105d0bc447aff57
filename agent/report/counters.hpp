// What the agent counts about itself; the report says nothing of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nodeproof {

// One receiver of the reports. Totals count from AgentCounters::since on.
struct SinkCounters {
  std::string sink;  // its name in the configuration: file, webhook, otlp ...
  std::optional<std::chrono::sys_seconds> last_success = {};
  std::uint64_t failures = 0;   // attempts that delivered nothing
  std::uint64_t delivered = 0;  // reports
  std::uint64_t dropped = 0;  // reports given up: the spool was full, or the receiver refused them
  std::uint64_t spool_bytes = 0;
  std::uint64_t spool_events = 0;
  friend bool operator==(const SinkCounters&, const SinkCounters&) = default;
};

// What became of the questions of containerd's image verifier since the run-time directory was
// made.
struct VerifierCounters {
  std::uint64_t allowed = 0;     // nothing speaks against it
  std::uint64_t denied = 0;      // in mode enforce
  std::uint64_t would_deny = 0;  // allowed only because the mode is observe
  std::uint64_t undecided = 0;   // allowed, for nobody could tell: no daemon, no report, no time
  friend bool operator==(const VerifierCounters&, const VerifierCounters&) = default;
};

struct AgentCounters {
  // When the totals were zero; nothing = not known.
  std::optional<std::chrono::sys_seconds> since = {};
  std::vector<SinkCounters> sinks = {};
  std::optional<VerifierCounters> verifier = {};  // nothing = it was never asked
  friend bool operator==(const AgentCounters&, const AgentCounters&) = default;
};

}  // namespace nodeproof
