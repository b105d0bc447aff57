// A report's measurements for OpenTelemetry: the body of POST /v1/metrics in OTLP's JSON encoding
// (OTLP 1.x, application/json), and what the receiver's answer means.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "agent/model.hpp"
#include "agent/report/counters.hpp"
#include "agent/report/metrics.hpp"
#include "common/http.hpp"

namespace nodeproof::report {

inline constexpr std::string_view kOtlpType = "application/json";

// An ExportMetricsServiceRequest with the samples of to_prometheus(), as of `viewing.now`. Names
// are such that a Prometheus which receives them stores them under the same ones:
// nodeproof_report_timestamp_seconds is nodeproof.report_timestamp in "s". The node is the resource
// (service.instance.id, and so Prometheus' label "instance"); viewing.identity is not used.
[[nodiscard]] std::string to_otlp(const NodeReport& report, const AgentCounters& counters,
                                  const Viewing& viewing);
// A resource for each report.
[[nodiscard]] std::string to_otlp(std::span<const NodeReport> reports, const Viewing& viewing);

enum class OtlpOutcome {
  delivered,
  retry,    // the same body again, later
  refused,  // never again the same body
};

struct OtlpAnswer {
  OtlpOutcome outcome = OtlpOutcome::refused;
  // What the receiver asks for; nothing = the sender's own back-off. Of a retry only.
  std::optional<std::chrono::seconds> retry_after = {};
  std::int64_t rejected = 0;          // samples of a delivered body that were not taken
  std::optional<Error> problem = {};  // to be logged; also of a delivered body
};

// By the protocol: 429, 502, 503 and 504 may be tried again, any other failure not. `body` is the
// answer's, or its beginning.
[[nodiscard]] OtlpAnswer judge(const HttpResponse& answer, std::string_view body,
                               std::chrono::system_clock::time_point now);

}  // namespace nodeproof::report
