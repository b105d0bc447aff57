// IndexReports as documents. Strings from registries are inert in each of them.
#pragma once

#include <chrono>
#include <span>
#include <string>

#include "agent/index/validate.hpp"

namespace nodeproof::index {

// Any damaged, else any unknown, else whole; nothing at all is unknown.
[[nodiscard]] IndexVerdict worst(std::span<const IndexReport> reports);

// The hosts that take this platform's entry; of no platform: those that take none of the tag's.
[[nodiscard]] std::vector<const HostReport*> hosts_of(const IndexReport& report,
                                                      const PlatformReport* platform);

// What a run over these tags says about the tags and about the hosts together, as an exit code.
[[nodiscard]] int exit_code(std::span<const IndexReport> reports, bool fail_on_warn);

// "kind": "IndexReport".
[[nodiscard]] std::string to_json(const IndexReport& report);
// "kind": "IndexReportList": the worst verdict, and the reports as "items".
[[nodiscard]] std::string to_json(std::span<const IndexReport> reports);

// A test suite for each image and a test case for each platform and each host: damage is a failure,
// what is not known an error. Warnings are failures only with fail_on_warn, else output.
[[nodiscard]] std::string to_junit(std::span<const IndexReport> reports, bool fail_on_warn);

// nodeproof_index_* in Prometheus' text format, for the node exporter's textfile collector.
[[nodiscard]] std::string to_metrics(std::span<const IndexReport> reports,
                                     std::chrono::system_clock::time_point now);

}  // namespace nodeproof::index
