#include "agent/report/sink/webhook.hpp"

#include <utility>

#include "common/http_url.hpp"
#include "common/retry_after.hpp"

namespace nodeproof::report {
namespace {

// Of one run: a fleet comes back at the same moment, and what is new does not wait for it.
constexpr std::size_t kMissedAtOnce = 20;
constexpr std::chrono::seconds kMissedTime{30};

std::string host_of(const std::string& url) {
  const auto parsed = parse_http_url(url);
  return parsed ? parsed->host_port() : "the receiver";
}

// What the receiver will not take however often it is sent. Not 400: nginx says so of a client
// certificate that it misses.
bool is_refused_for_good(int status) { return status == 413 || status == 415 || status == 422; }

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
  if (status == 404) {
    return {Errc::not_found, what + ": there is nothing at this path",
            "correct the path of report.webhook.url"};
  }
  if (is_refused_for_good(status)) {
    return {Errc::unsupported, what + ": it takes no such event, and this one is not sent again",
            status == 413 ? "raise the receiver's limit of a request's size"
                          : "see the receiver's own log for what it takes"};
  }
  return {status == 429 ? Errc::throttled : Errc::server_error, what,
          "see the receiver's own log; the report is sent again"};
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

// What the receiver has been told last; one that it will never take is not sent to it again.
std::string mark_of_refused(const CloudEvent& event) { return "refused " + event.id; }

}  // namespace

WebhookSink::Sent WebhookSink::send(const std::string& event, const std::stop_token& stop) const {
  auto answer = post(http_, settings_.target, {std::string(kCloudEventType), event}, stop);
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
  auto spool = Spool::open(settings_.spool, settings_.cap);
  if (!spool) return deliver_without(spool.error(), delivery, state, stop);
  const auto done = deliver_with(*spool, delivery, state, stop);
  state.counters.dropped = spool->dropped();
  state.counters.spool_bytes = spool->bytes();
  state.counters.spool_events = spool->events().size();
  return done;
}

// A disk that keeps nothing is no reason to say nothing.
Result<> WebhookSink::deliver_without(const Error& spool, const Delivery& delivery,
                                      SinkState& state, const std::stop_token& stop) const {
  if (delivery.hold) return std::unexpected(spool);
  const CloudEvent event = cloud_event(delivery.report, delivery.document, state.counters.dropped);
  const Sent sent = send(event.json, stop);
  note(sent, state);
  if (sent.fate == Fate::later) {
    return failed(Error(sent.error).with_context(spool.message), state);
  }
  if (sent.fate != Fate::taken) return failed(sent.error, state);
  take(event, delivery, state);
  return {};
}

void WebhookSink::note(const Sent& sent, SinkState& state) {
  state.retry_after = sent.retry_after;
  state.stopped = sent.fate == Fate::gone;
}

void WebhookSink::take(const CloudEvent& event, const Delivery& delivery, SinkState& state) {
  state.memory = event.id;
  ++state.counters.delivered;
  state.counters.last_success = delivery.now;
}

Result<> WebhookSink::deliver_with(Spool& spool, const Delivery& delivery, SinkState& state,
                                   const std::stop_token& stop) const {
  const CloudEvent event = cloud_event(delivery.report, delivery.document, spool.dropped());
  if (delivery.hold) return keep(spool, event, delivery, state);
  // With more to come it has this very report; a heartbeat says it again.
  const bool told = state.memory == event.id && !spool.events().empty();
  if (!told && state.memory != mark_of_refused(event)) {
    const Sent sent = send(event.json, stop);
    note(sent, state);
    if (sent.fate == Fate::gone) return failed(sent.error, state);
    if (sent.fate == Fate::later) {
      const auto kept = keep(spool, event, delivery, state);
      return failed(kept ? sent.error : Error(kept.error()).with_context(sent.error.message),
                    state);
    }
    if (sent.fate == Fate::taken) take(event, delivery, state);
    if (sent.fate == Fate::refused) TRY(give_up(spool, event, sent.error, state));
  }
  TRY(spool.forget(event.id));
  return send_missed(spool, delivery, state, stop);
}

Result<> WebhookSink::keep(Spool& spool, const CloudEvent& event, const Delivery& delivery,
                           SinkState& state) {
  if (delivery.news) TRY(spool.add(event.id, event.json));
  state.kept = true;
  return {};
}

// Counted once, whether it waits in the spool or not.
Result<> WebhookSink::give_up(Spool& spool, const CloudEvent& event, const Error& error,
                              SinkState& state) {
  ++state.counters.failures;
  state.problem = error.message;
  state.memory = mark_of_refused(event);
  return spool.lose();
}

Result<> WebhookSink::send_missed(Spool& spool, const Delivery& delivery, SinkState& state,
                                  const std::stop_token& stop) const {
  const auto end = clock_.monotonic() + kMissedTime;
  const std::vector<Spool::Event> missed = spool.events();
  for (std::size_t i = 0; i < missed.size() && i < kMissedAtOnce; ++i) {
    if (clock_.monotonic() >= end) break;
    const auto body = whole_body(spool, missed[i]);
    const Sent sent = body ? send(*body, stop) : Sent{Fate::refused, body.error()};
    note(sent, state);
    if (sent.fate == Fate::later || sent.fate == Fate::gone) return failed(sent.error, state);
    TRY(settle_missed(spool, missed[i], sent, state));
    if (sent.fate == Fate::taken) state.counters.last_success = delivery.now;
  }
  state.more = !spool.events().empty();
  return {};
}

Result<> WebhookSink::settle_missed(Spool& spool, const Spool::Event& event, const Sent& sent,
                                    SinkState& state) {
  if (sent.fate == Fate::refused) {
    state.problem = sent.error.message;
    return spool.drop(event);
  }
  ++state.counters.delivered;
  // One that cannot be removed is sent again, with the same id.
  if (const auto removed = spool.remove(event); !removed) state.problem = removed.error().message;
  return {};
}

}  // namespace nodeproof::report
