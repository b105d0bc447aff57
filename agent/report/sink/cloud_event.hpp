// A report as a CloudEvent 1.0 in structured mode (CloudEvents JSON format, section 3).
#pragma once

#include <cstdint>
#include <string>

#include "agent/model.hpp"

namespace nodeproof::report {

inline constexpr std::string_view kCloudEventType = "application/cloudevents+json; charset=UTF-8";

struct CloudEvent {
  std::string id;  // of the report, so that a receiver knows what it has been sent twice
  std::string json;
};

// `document`: of the report. `dropped`: events that will never come, as the extension attribute
// "nodeproofdropped"; the report's sequence is the attribute "sequence".
[[nodiscard]] CloudEvent cloud_event(const NodeReport& report, const std::string& document,
                                     std::uint64_t dropped);

}  // namespace nodeproof::report
