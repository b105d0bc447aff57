// A node's report as measurements: Prometheus' text format here, OTLP in otlp.hpp.
#pragma once

#include <chrono>
#include <string>

#include "agent/model.hpp"
#include "agent/report/counters.hpp"
#include "common/metrics.hpp"

namespace nodeproof::report {

// From where it is looked at a report.
struct Viewing {
  std::chrono::system_clock::time_point now;
  // A report that is older, or of a time that has not come, says nothing any more: the verdict is
  // unknown, no image is ready, and what was wrong is not told. At least two checks that may fail.
  std::chrono::seconds stale_after{std::chrono::hours(2)};
  // On every sample, the collector's name for the node: {"instance", "pi-17"}. Empty where the
  // collector gives one itself, as a scrape does.
  metrics::Labels identity = {};
};

[[nodiscard]] bool is_stale(const NodeReport& report, const Viewing& viewing);

// Labels are what configurations and this program name (images, tests, codes, sinks), and digests
// in one _info metric; never messages.
void add_metrics(metrics::Collection& out, const NodeReport& report, const Viewing& viewing);
void add_metrics(metrics::Collection& out, const AgentCounters& counters, const Viewing& viewing);

// Text format 0.0.4, without timestamps; metrics::kTextType is its media type.
[[nodiscard]] std::string to_prometheus(const NodeReport& report, const AgentCounters& counters,
                                        const Viewing& viewing);

}  // namespace nodeproof::report
