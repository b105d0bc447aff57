#include "agent/report/sink/otlp_sink.hpp"

#include <utility>

#include "agent/report/otlp.hpp"
#include "common/http_url.hpp"

namespace nodeproof::report {

OtlpSink::OtlpSink(HttpClient& http, PostTarget target, std::chrono::seconds stale_after)
    : http_(http), target_(std::move(target)), stale_after_(stale_after) {
  auto url = parse_http_url(target_.url);
  if (!url || url->target != "/") return;
  url->target = "/v1/metrics";
  target_.url = url->str();
}

Result<> OtlpSink::deliver(const Delivery& delivery, SinkState& state,
                           const std::stop_token& stop) {
  const Viewing viewing{.now = delivery.now, .stale_after = stale_after_};
  const std::string body = to_otlp(delivery.report, delivery.counters, viewing);
  const auto answer = post(http_, target_, {std::string(kOtlpType), body}, stop);
  OtlpAnswer judged;
  if (answer) {
    judged = judge(answer->head, answer->body, delivery.now);
  } else {
    judged.outcome = OtlpOutcome::retry;
    judged.problem = answer.error();
  }
  state.retry_after = judged.retry_after;
  if (judged.outcome == OtlpOutcome::delivered && judged.rejected == 0) {
    ++state.counters.delivered;
    state.counters.last_success = delivery.now;
    return {};
  }
  ++state.counters.failures;
  // What a collector takes in part it does not want again.
  const bool again = judged.outcome == OtlpOutcome::retry;
  if (!again) ++state.counters.dropped;
  Error error =
      judged.problem.value_or(Error{Errc::server_error, "the collector took nothing", ""});
  state.problem = error.message;
  if (!again) return {};
  return std::unexpected(std::move(error));
}

}  // namespace nodeproof::report
