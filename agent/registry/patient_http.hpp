// An HttpClient with manners: a host that says when to ask again is not asked before.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>

#include "agent/registry/rate_limit.hpp"
#include "agent/registry/retry.hpp"
#include "common/clock.hpp"
#include "common/http.hpp"

namespace nodeproof::registry {

// Waits for a while, or until stopped: Errc::cancelled.
using Pause = std::function<Result<>(std::chrono::milliseconds, const std::stop_token&)>;

// 429, and 503 with Retry-After, make GET and HEAD ask again within the policy's attempts and
// give_up_after; meanwhile nobody else asks that host either. Beyond that the answer is handed on,
// and requests that would have to wait longer fail unsent (Errc::throttled, with the time).
// Thread-safe.
class PatientHttp final : public HttpClient {
 public:
  // Both outlive it.
  PatientHttp(HttpClient& http, const Clock& clock, const RetryPolicy& policy, Pause pause = {});

  Result<HttpResponse> send(const HttpRequest& request, const HttpHeadSink& head,
                            const ByteSink& body, std::stop_token stop) override;

  // By host:port, as they were last said.
  [[nodiscard]] std::map<std::string, RateLimit> rate_limits() const;

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Host {
    Time closed_until;
    std::optional<RateLimit> limit;
  };
  // How one send() goes on.
  struct Turn {
    std::string host;
    Time give_up;
    bool repeatable = true;  // GET and HEAD
    int failed = 0;
    bool again = false;
  };
  Result<> wait_for(const Turn& turn, const std::stop_token& stop);
  bool note(Turn& turn, const HttpResponse& head);
  std::chrono::milliseconds jitter(std::chrono::milliseconds longest);

  HttpClient& http_;
  const Clock& clock_;
  const RetryPolicy policy_;
  const Pause pause_;
  mutable std::mutex mutex_;
  std::map<std::string, Host> hosts_;
  std::minstd_rand random_;
};

}  // namespace nodeproof::registry
