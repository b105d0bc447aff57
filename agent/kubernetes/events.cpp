#include "agent/kubernetes/events.hpp"

namespace nodeproof::kubernetes {

EventText event_of(const Condition& condition) {
  return {.type = condition.status == "True" ? "Normal" : "Warning",
          .reason = condition.reason,
          .message =
              std::string(kConditionType) + " is " + condition.status + ": " + condition.message};
}

std::string event_body(const std::string& node, const SentEvent& sent, const EventText& text,
                       const std::string& time) {
  json::Writer out;
  out.begin_object().member("apiVersion", "v1").member("kind", "Event");
  out.key("metadata").begin_object().member("name", sent.name).member("namespace", "default");
  out.end_object();
  // Without a namespace: a Node has none. The uid is the object's, not its name as the kubelet
  // sends it, so that what describes a node finds the event.
  out.key("involvedObject").begin_object().member("apiVersion", "v1").member("kind", "Node");
  out.member("name", node).member("uid", sent.uid).end_object();
  out.member("type", text.type).member("reason", text.reason).member("message", text.message);
  out.key("source").begin_object().member("component", "nodeproof").member("host", node);
  out.end_object();
  out.member("reportingComponent", "nodeproof").member("reportingInstance", node);
  out.member("firstTimestamp", time).member("lastTimestamp", time);
  out.member("count", std::uint64_t{1});
  return out.end_object().str();
}

std::string again_body(const SentEvent& sent, const EventText& text, const std::string& time) {
  json::Writer out;
  out.begin_object().member("message", text.message).member("lastTimestamp", time);
  return out.member("count", sent.count + 1).end_object().str();
}

}  // namespace nodeproof::kubernetes
