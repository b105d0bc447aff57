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

struct AgentCounters {
  // When the totals were zero; nothing = not known.
  std::optional<std::chrono::sys_seconds> since = {};
  std::vector<SinkCounters> sinks = {};
  friend bool operator==(const AgentCounters&, const AgentCounters&) = default;
};

}  // namespace nodeproof
