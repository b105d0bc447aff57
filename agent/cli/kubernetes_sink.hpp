// The node condition as a sink of reports.
#pragma once

#include "agent/config/config.hpp"
#include "agent/report/sink/sink.hpp"
#include "common/clock.hpp"
#include "common/http.hpp"

namespace nodeproof::cli {

class KubernetesSink final : public report::Sink {
 public:
  // All outlive it. A report older than the configuration's stale_after is published as Unknown.
  KubernetesSink(HttpClient& http, const Clock& clock, const config::Config& config)
      : http_(http), clock_(clock), config_(config) {}

  Result<> deliver(const report::Delivery& delivery, report::SinkState& state,
                   const std::stop_token& stop) override;

 private:
  HttpClient& http_;
  const Clock& clock_;
  const config::Config& config_;
};

}  // namespace nodeproof::cli
