#include "agent/kubernetes/memory.hpp"

#include "agent/json_read.hpp"

namespace nodeproof::kubernetes {
namespace {

void write_condition(json::Writer& out, const Condition& condition) {
  out.begin_object().member("status", condition.status).member("reason", condition.reason);
  out.member("message", condition.message).member("transition", condition.last_transition);
  out.member("heartbeat", condition.last_heartbeat).end_object();
}

Result<Condition> read_condition(const json::Value& value) {
  Condition out;
  TRY(json::read(value, "status", out.status));
  TRY(json::read(value, "reason", out.reason));
  TRY(json::read(value, "message", out.message));
  TRY(json::read(value, "transition", out.last_transition));
  TRY(json::read(value, "heartbeat", out.last_heartbeat));
  return out;
}

Result<SentEvent> read_event(const json::Value& value) {
  SentEvent out;
  TRY(json::read(value, "name", out.name));
  TRY(json::read(value, "uid", out.uid));
  TRY(json::read(value, "type", out.type));
  TRY(json::read(value, "reason", out.reason));
  TRY(json::read(value, "count", out.count));
  return out;
}

Result<Memory> read_memory(std::string_view text) {
  const json::Value value = TRY(json::parse(text));
  Memory out;
  TRY(json::read(value, "node", out.node));
  TRY(json::read(value, "uid", out.uid));
  if (const json::Value* condition = value.find("condition")) {
    out.condition = TRY(read_condition(*condition));
  }
  const json::Value* labels = TRY(value.at("labels"));
  for (const auto& [key, label] : labels->members()) out.labels[key] = TRY(label.string());
  TRY(json::read(value, "taintLeft", out.taint_left));
  TRY(json::read(value, "eventOwed", out.event_owed));
  const json::Value* events = TRY(value.at("events"));
  for (const json::Value& event : events->items()) out.events.push_back(TRY(read_event(event)));
  return out;
}

}  // namespace

std::string to_text(const Memory& memory) {
  json::Writer out;
  out.begin_object().member("node", memory.node).member("uid", memory.uid);
  if (memory.condition) {
    out.key("condition");
    write_condition(out, *memory.condition);
  }
  out.key("labels").begin_object();
  for (const auto& [key, value] : memory.labels) out.member(key, value);
  out.end_object().member("taintLeft", memory.taint_left).member("eventOwed", memory.event_owed);
  out.key("events").begin_array();
  for (const SentEvent& event : memory.events) {
    out.begin_object().member("name", event.name).member("uid", event.uid);
    out.member("type", event.type).member("reason", event.reason);
    out.member("count", event.count).end_object();
  }
  return out.end_array().end_object().str();
}

Memory memory_of(std::string_view text, const std::string& node) {
  auto read = read_memory(text);
  if (read && read->node == node) return *std::move(read);
  Memory fresh;
  fresh.node = node;
  return fresh;
}

}  // namespace nodeproof::kubernetes
