#include "agent/registry/patient_http.hpp"

#include <algorithm>
#include <utility>

#include "common/http_url.hpp"

namespace nodeproof::registry {

namespace {

constexpr std::size_t kMaxHosts = 256;
// Of a refusal that nobody reads: more is not waited for.
constexpr std::size_t kMaxSkippedBytes = 64 * 1024;

}  // namespace

PatientHttp::PatientHttp(HttpClient& http, const Clock& clock, const RetryPolicy& policy,
                         Pause pause)
    : http_(http),
      clock_(clock),
      policy_(policy),
      pause_(pause ? std::move(pause) : Pause(wait_a_while)),
      random_(std::random_device{}()) {}

std::chrono::milliseconds PatientHttp::jitter(std::chrono::milliseconds longest) {
  std::uniform_int_distribution<long long> any(0, std::max<long long>(longest.count(), 0));
  return std::chrono::milliseconds(any(random_));
}

Result<> PatientHttp::wait_for(const Turn& turn, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const Time now = clock_.monotonic();
  const auto found = hosts_.find(turn.host);
  if (found == hosts_.end() || found->second.closed_until <= now) return {};
  const Time until = found->second.closed_until;
  const auto left = std::chrono::ceil<std::chrono::seconds>(until - now);
  // Those who wait for the same moment do not all come at once.
  const auto wait =
      std::chrono::ceil<std::chrono::milliseconds>(until - now) + jitter(policy_.first_pause);
  const auto limit = found->second.limit;
  lock.unlock();
  if (until <= turn.give_up) return pause_(wait, stop);
  return fail(Errc::throttled,
              turn.host + " wants to be left alone until " + to_rfc3339(clock_.now() + left) +
                  (limit ? " (" + text_of(*limit) + ")" : "") + ": nothing was sent",
              "wait, or log in: registries allow more requests to accounts");
}

// The caller's turn goes on when the host is to be asked again.
bool PatientHttp::note(Turn& turn, const HttpResponse& head) {
  const std::scoped_lock lock(mutex_);
  const auto limit = rate_limit_of(head);
  const auto after = retry_after_of(head, clock_);
  const bool refused = head.status == 429 || after;
  if (!refused && !limit) return false;
  if (!hosts_.contains(turn.host) && hosts_.size() >= kMaxHosts) return false;
  Host& host = hosts_[turn.host];
  if (limit) host.limit = limit;
  if (!refused) return false;
  const std::chrono::milliseconds doubled =
      policy_.first_pause * (1LL << std::min(turn.failed, 16));
  const std::chrono::milliseconds wait =
      after ? std::chrono::milliseconds(*after) : jitter(std::min(doubled, policy_.longest_pause));
  host.closed_until = std::max(host.closed_until, clock_.monotonic() + wait);
  return turn.repeatable && ++turn.failed < policy_.attempts && host.closed_until <= turn.give_up;
}

Result<HttpResponse> PatientHttp::send(const HttpRequest& request, const HttpHeadSink& head,
                                       const ByteSink& body, std::stop_token stop) {
  const HttpUrl url = TRY(parse_http_url(request.url));
  Turn turn{.host = url.host_port(),
            .give_up = clock_.monotonic() + policy_.give_up_after,
            .repeatable = request.method == "GET" || request.method == "HEAD"};
  std::size_t skipped = 0;
  const auto see = [&](const HttpResponse& response) -> Result<> {
    turn.again = note(turn, response);
    if (turn.again) return {};
    return head(response);
  };
  const auto take = [&](Bytes bytes) -> Result<> {
    if (!turn.again) return body(bytes);
    skipped += bytes.size();
    if (skipped > kMaxSkippedBytes) return fail(Errc::too_large, "");
    return {};
  };
  for (;;) {
    TRY(wait_for(turn, stop));
    turn.again = false;
    skipped = 0;
    auto answer = http_.send(request, see, take, stop);
    if (!turn.again) return answer;
  }
}

std::map<std::string, RateLimit> PatientHttp::rate_limits() const {
  const std::scoped_lock lock(mutex_);
  std::map<std::string, RateLimit> all;
  for (const auto& [name, host] : hosts_) {
    if (host.limit) all.emplace(name, *host.limit);
  }
  return all;
}

}  // namespace nodeproof::registry
