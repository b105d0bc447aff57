// Events (core/v1) about the node: one object per thing that is said, counted up while it is said
// again.
#pragma once

#include <cstdint>
#include <string>

#include "agent/kubernetes/node.hpp"

namespace nodeproof::kubernetes {

inline constexpr std::string_view kEventsPath = "/api/v1/namespaces/default/events";

struct EventText {
  std::string type;    // Normal, Warning
  std::string reason;  // CamelCase
  std::string message;
};

// One that was sent.
struct SentEvent {
  std::string name;
  std::string uid;  // of the node it is about
  std::string type;
  std::string reason;
  std::uint64_t count = 1;
  friend bool operator==(const SentEvent&, const SentEvent&) = default;
};

// "Normal" for a node that became ready, else "Warning".
[[nodiscard]] EventText event_of(const Condition& condition);

// `time`: RFC 3339
[[nodiscard]] std::string event_body(const std::string& node, const SentEvent& sent,
                                     const EventText& text, const std::string& time);
// The body of a merge patch: once more, now.
[[nodiscard]] std::string again_body(const SentEvent& sent, const EventText& text,
                                     const std::string& time);

}  // namespace nodeproof::kubernetes
