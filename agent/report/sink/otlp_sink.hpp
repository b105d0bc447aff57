// The report's measurements to an OpenTelemetry collector, by OTLP/HTTP in JSON. Nothing is kept
// for it: what a measurement was is told by the next one.
#pragma once

#include <chrono>

#include "agent/report/sink/post.hpp"
#include "agent/report/sink/sink.hpp"

namespace nodeproof::report {

class OtlpSink final : public Sink {
 public:
  // A URL without a path means /v1/metrics (OTLP/HTTP). `http` outlives it.
  OtlpSink(HttpClient& http, PostTarget target, std::chrono::seconds stale_after);

  Result<> deliver(const Delivery& delivery, SinkState& state,
                   const std::stop_token& stop) override;

 private:
  HttpClient& http_;
  PostTarget target_;
  const std::chrono::seconds stale_after_;
};

}  // namespace nodeproof::report
