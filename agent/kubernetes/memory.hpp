// What one publish() leaves to the next, so that nothing is written twice.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/kubernetes/events.hpp"
#include "agent/kubernetes/labels.hpp"
#include "agent/kubernetes/node.hpp"

namespace nodeproof::kubernetes {

struct Memory {
  std::string node;
  std::string uid;                     // "" = the node has not been looked at
  std::optional<Condition> condition;  // as it stands on the node
  Labels labels;                       // those that we have put there
  bool taint_left = false;             // the last attempt to lift it failed
  bool event_owed = false;             // about the condition
  std::vector<SentEvent> events;       // the latest last
  friend bool operator==(const Memory&, const Memory&) = default;
};

[[nodiscard]] std::string to_text(const Memory& memory);

// Empty for what to_text() did not write, and for another node's.
[[nodiscard]] Memory memory_of(std::string_view text, const std::string& node);

}  // namespace nodeproof::kubernetes
