// From the configuration's section "report" to sinks.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/config/config.hpp"
#include "agent/report/sink/schedule.hpp"
#include "agent/report/sink/sink.hpp"
#include "common/clock.hpp"
#include "common/http.hpp"

namespace nodeproof::cli {

// Those that the configuration names.
[[nodiscard]] std::vector<report::SinkSetting> sink_settings(const config::Config& config);

// A report that is older says nothing any more.
[[nodiscard]] std::chrono::seconds metrics_stale_after(const config::Config& config);

struct SinkParts {  // outlive the sinks
  HttpClient& http;
  const Clock& clock;
  std::filesystem::path state_dir;
};

// nullptr when the configuration names none of that name; it outlives the sink.
[[nodiscard]] std::unique_ptr<report::Sink> open_sink(const std::string& name,
                                                      const config::Config& config,
                                                      const SinkParts& parts);

}  // namespace nodeproof::cli
