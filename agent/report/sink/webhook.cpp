#include "agent/report/sink/webhook.hpp"

#include <utility>

#include "agent/report/sink/cloud_event.hpp"
#include "common/http_url.hpp"
#include "common/retry_after.hpp"

namespace nodeproof::report {
namespace {

constexpr unsigned kMissedAtOnce = 20;  // events of one run: a fleet comes back at the same moment

std::string host_of(const std::string& url) {
  const auto parsed = parse_http_url(url);
  return parsed ? parsed->host_port() : "the receiver";
}

Error refusal(const std::string& url, int status) {
  const std::string what = host_of(url) + " answered " + std::to_string(status);
  if (status == 401 || status == 403) {
    return {
        Errc::unauthorized, what,
        "look at report.webhook.token_file or client_certificate, and at what the receiver allows"};
  }
  if (status >= 300 && status < 400) {
    return {Errc::server_error, what + ", a redirect: those are not followed",
            "set report.webhook.url to where the events are taken"};
  }
  if (status == 410) {
    return {Errc::not_found, what + ": it wants no more events; nothing is sent until a reload",
            "take report.webhook.url out, or correct it and reload nodeproof"};
  }
  return {status == 429 ? Errc::throttled : Errc::server_error, what,
          "see the receiver's own log; the report is sent again"};
}

// What the receiver will not take however often it is sent. Not 400: nginx says so of a client
// certificate that it misses.
bool is_refused_for_good(int status) {
  return status == 413 || status == 415 || status == 422;
}

// A power cut can leave a file without its content.
Result<std::string> whole_body(const Spool& spool, const Spool::Event& event) {
  std::string body = TRY(spool.body(event));
  if (body.starts_with('{') && body.ends_with('}')) return body;
  return fail(Errc::corrupt, "an event in the spool is not whole: it is given up");
}

Result<> failed(const Error& error, SinkState& state) {
  ++state.counters.failures;
  state.problem = error.message;
  return std::unexpected(error);
}

}  // namespace

WebhookSink::Sent WebhookSink::send(const std::string& event, const std::stop_token& stop) const {
  auto answer = post(http_, settings_.target, std::string(kCloudEventType), event, stop);
  if (!answer) return {Fate::later, std::move(answer).error()};
  const int status = answer->head.status;
  if (status >= 200 && status < 300) return {Fate::taken, {}};
  Sent sent{Fate::later, refusal(settings_.target.url, status)};
  sent.retry_after = nodeproof::retry_after(answer->head, clock_.now());
  if (status == 410) sent.fate = Fate::gone;
  if (is_refused_for_good(status)) sent.fate = Fate::refused;
  return sent;
}

Result<> WebhookSink::deliver(const Delivery& delivery, SinkState& state,
                              const std::stop_token& stop) {
  Spool spool = TRY(Spool::open(settings_.spool, settings_.cap));
  const auto done = deliver_with(spool, delivery, state, stop);
  state.counters.dropped = spool.dropped();
  state.counters.spool_bytes = spool.bytes();
  state.counters.spool_events = spool.events().size();
  return done;
}

Result<> WebhookSink::deliver_with(Spool& spool, const Delivery& delivery, SinkState& state,
                                   const std::stop_token& stop) const {
  const CloudEvent event = cloud_event(delivery.report, delivery.document, spool.dropped());
  const auto keep = [&]() -> Result<> {
    if (delivery.news) TRY(spool.add(event.id, event.json));
    state.kept = true;
    return {};
  };
  if (delivery.hold) return keep();
  if (state.memory != event.id) {  // else it has this very report
    const Sent sent = send(event.json, stop);
    state.retry_after = sent.retry_after;
    state.stopped = sent.fate == Fate::gone;
    if (sent.fate == Fate::refused) TRY(spool.lose());
    if (sent.fate == Fate::later) TRY(keep());
    if (sent.fate != Fate::taken) return failed(sent.error, state);
    state.memory = event.id;
    ++state.counters.delivered;
  }
  state.counters.last_success = delivery.now;
  state.problem.clear();
  TRY(spool.forget(event.id));
  return send_missed(spool, state, stop);
}

Result<> WebhookSink::send_missed(Spool& spool, SinkState& state,
                                  const std::stop_token& stop) const {
  for (unsigned sent_now = 0; !spool.events().empty() && sent_now < kMissedAtOnce; ++sent_now) {
    const Spool::Event event = spool.events().front();
    const auto body = whole_body(spool, event);
    const Sent sent = body ? send(*body, stop) : Sent{Fate::refused, body.error()};
    state.retry_after = sent.retry_after;
    state.stopped = sent.fate == Fate::gone;
    if (sent.fate == Fate::refused) {
      TRY(spool.drop(event));
      state.problem = sent.error.message;
    } else if (sent.fate != Fate::taken) {
      return failed(sent.error, state);
    } else {
      ++state.counters.delivered;
      TRY(spool.remove(event));
    }
  }
  state.more = !spool.events().empty();
  return {};
}

}  // namespace nodeproof::report
