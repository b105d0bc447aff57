#include "agent/kubernetes/publisher.hpp"

#include <algorithm>

#include "agent/kubernetes/node_condition.hpp"
#include "agent/kubernetes/taint.hpp"

namespace nodeproof::kubernetes {
namespace {

constexpr int kAttempts = 5;  // against writers of the same object
constexpr std::size_t kMaxEvents = 8;

// After these the next step would fare no better.
bool ends_all(Errc code) {
  switch (code) {
    case Errc::unauthorized:
    case Errc::throttled:
    case Errc::unreachable:
    case Errc::untrusted:
    case Errc::timeout:
    case Errc::cancelled:
      return true;
    default:
      return false;
  }
}

// The `number`-th of this moment.
std::string name_of_event(const std::string& node, std::chrono::system_clock::time_point now,
                          unsigned number) {
  constexpr std::size_t kRoom = 253 - 1 - 16;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::uint64_t left = static_cast<std::uint64_t>(now.time_since_epoch().count()) + number;
  std::string digits;
  for (; left > 0; left /= 16) digits.insert(digits.begin(), kDigits[left % 16]);
  std::string name = node.substr(0, kRoom);
  while (name.ends_with('.') || name.ends_with('-')) name.pop_back();
  return name + "." + digits;
}

}  // namespace

Publisher::Publisher(const NodeReport& report, const Options& options, Wiring wiring, Memory memory)
    : report_(report),
      options_(options),
      wiring_(wiring),
      now_(wiring.clock.now()),
      memory_(std::move(memory)) {}

Published Publisher::run(const std::stop_token& stop) {
  stop_ = stop;
  using Step = Result<> (Publisher::*)();
  // The taint last: it may be another credential's, whose failure ends nothing else.
  for (const Step step : {&Publisher::write_condition, &Publisher::write_labels,
                          &Publisher::send_owed_event, &Publisher::lift_taint}) {
    note((this->*step)());
    if (hopeless_) break;
  }
  out_.memory = to_text(memory_);
  return std::move(out_);
}

void Publisher::note(const Result<>& step) {
  if (step) return;
  hopeless_ = ends_all(step.error().code) || memory_.uid.empty() ||
              wiring_.client.retry_after().has_value();
  out_.failed.push_back(step.error());
}

Result<Answer> Publisher::ask(Client& client, const Call& call) {
  for (int attempt = 1;; ++attempt) {
    Answer answer = TRY(client.send(call, stop_));
    if (answer.ok()) return answer;
    if (answer.status == 409 && attempt < kAttempts) continue;
    // Renamed, or deleted and to be registered again: nothing that was known of it holds.
    if (answer.status == 404 && call.resource != "events") memory_ = memory_of("", memory_.node);
    return std::unexpected(client.failure(call, answer));
  }
}

Result<Node> Publisher::node_from(Client& client, const Call& call) {
  const Answer answer = TRY(ask(client, call));
  return read_node(answer.object, answer.body);
}

Result<Node> Publisher::get_node(Client& client) {
  return node_from(client, {.verb = "get", .resource = "nodes", .path = node_path(memory_.node)});
}

bool Publisher::due(const Condition& standing) const {
  const auto written = parse_rfc3339(standing.last_heartbeat);
  // A clock that was set back must not keep it still until it has caught up.
  return !written || *written > now_ || now_ - *written >= options_.heartbeat * 3 / 4;
}

Result<> Publisher::write_condition() {
  wanted_ = condition_of(report_, now_, options_.stale_after);
  if (memory_.uid.empty()) {
    node_ = TRY(get_node(wiring_.client));
    memory_.uid = node_->uid;
    memory_.condition = node_->condition;
  }
  const std::optional<Condition> before = memory_.condition;
  if (before && before->says(wanted_) && !due(*before)) return {};
  const bool kept = before && before->status == wanted_.status && !before->last_transition.empty();
  Condition wanted = wanted_;
  wanted.last_heartbeat = now_text();
  wanted.last_transition = kept ? before->last_transition : now_text();
  node_ = TRY(node_from(wiring_.client, {.verb = "patch",
                                         .resource = "nodes/status",
                                         .path = node_path(memory_.node) + "/status",
                                         .body = status_patch(wanted)}));
  const bool changed =
      !before || before->status != wanted_.status || before->reason != wanted_.reason;
  memory_.event_owed |= changed || memory_.uid != node_->uid;
  memory_.uid = node_->uid;
  memory_.condition = std::move(wanted);
  return {};
}

Result<> Publisher::write_labels() {
  std::optional<Labels> wanted = options_.labels ? labels_of(report_.host) : Labels();
  if (!wanted) return {};
  Labels actual = memory_.labels;
  if (node_ && options_.labels) actual = ours_of(node_->labels);
  const std::string body = labels_patch(*wanted, actual);
  if (!body.empty()) {
    node_ = TRY(node_from(wiring_.client, {.verb = "patch",
                                           .resource = "nodes",
                                           .path = node_path(memory_.node),
                                           .body = body,
                                           .kind = PatchKind::merge}));
  }
  memory_.labels = std::move(*wanted);
  return {};
}

Result<> Publisher::lift_taint() {
  if (options_.taint.empty() || wanted_.status != "True") return {};
  if (!node_ && !memory_.taint_left) return {};  // looked at with every heartbeat
  for (int attempt = 1;; ++attempt) {
    if (!node_) node_ = TRY(get_node(wiring_.taints));
    const std::string body = untaint_patch(*node_, options_.taint);
    memory_.taint_left = !body.empty();
    if (body.empty()) return {};
    const Call call{.verb = "patch",
                    .resource = "nodes",
                    .path = node_path(memory_.node),
                    .body = body,
                    .kind = PatchKind::json};
    const Answer answer = TRY(wiring_.taints.send(call, stop_));
    node_.reset();
    if (answer.ok()) break;
    const bool somebody_else_wrote = answer.status == 409 || answer.status == 422;
    if (somebody_else_wrote && attempt < kAttempts) continue;
    return std::unexpected(wiring_.taints.failure(call, answer));
  }
  memory_.taint_left = false;
  return send_event({.type = "Normal",
                     .reason = "TaintRemoved",
                     .message = "removed the taint " + options_.taint + ": " + wanted_.message});
}

Result<> Publisher::send_owed_event() {
  if (!memory_.event_owed || !memory_.condition) return {};
  TRY(send_event(event_of(*memory_.condition)));
  memory_.event_owed = false;
  return {};
}

Result<> Publisher::send_event(const EventText& text) {
  if (!options_.events) return {};
  const auto same = std::ranges::find_if(memory_.events, [&](const SentEvent& sent) {
    return sent.uid == memory_.uid && sent.type == text.type && sent.reason == text.reason;
  });
  if (same == memory_.events.end()) return send_new_event(text);
  const auto answer = ask(wiring_.client, {.verb = "patch",
                                           .resource = "events",
                                           .path = std::string(kEventsPath) + "/" + same->name,
                                           .body = again_body(*same, text, now_text()),
                                           .kind = PatchKind::merge});
  if (answer) {
    ++same->count;
    std::rotate(same, same + 1, memory_.events.end());
    return {};
  }
  if (answer.error().code != Errc::not_found) return std::unexpected(answer.error());
  memory_.events.erase(same);  // the API server keeps events for an hour
  return send_new_event(text);
}

Result<> Publisher::send_new_event(const EventText& text) {
  SentEvent sent{.name = {}, .uid = memory_.uid, .type = text.type, .reason = text.reason};
  for (int attempt = 1;; ++attempt) {
    sent.name = name_of_event(memory_.node, now_, named_++);
    const Call call{.verb = "create",
                    .resource = "events",
                    .path = std::string(kEventsPath),
                    .body = event_body(memory_.node, sent, text, now_text())};
    const Answer answer = TRY(wiring_.client.send(call, stop_));
    if (answer.ok()) break;
    if (answer.status == 409 && attempt < kAttempts) continue;  // the name is taken
    return std::unexpected(wiring_.client.failure(call, answer));
  }
  memory_.events.push_back(std::move(sent));
  if (memory_.events.size() > kMaxEvents) memory_.events.erase(memory_.events.begin());
  return {};
}

}  // namespace nodeproof::kubernetes
