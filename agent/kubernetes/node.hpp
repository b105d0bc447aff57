// The parts of a Node object (core/v1) that are looked at.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "common/json.hpp"

namespace nodeproof::kubernetes {

inline constexpr std::string_view kConditionType = "nodeproof.dev/ImagesReady";

struct Condition {
  std::string status;  // True, False, Unknown
  std::string reason;
  std::string message;
  std::string last_transition;  // RFC 3339, as the API gives it
  std::string last_heartbeat;
  // Whether they say the same, whenever they were written.
  [[nodiscard]] bool says(const Condition& other) const {
    return status == other.status && reason == other.reason && message == other.message;
  }
  friend bool operator==(const Condition&, const Condition&) = default;
};

struct Taint {
  std::string key;
  std::string effect;
  std::string source;  // the JSON object as the API gave it
  friend bool operator==(const Taint&, const Taint&) = default;
};

struct Node {
  std::string uid;
  std::optional<Condition> condition;  // ours
  std::map<std::string, std::string, std::less<>> labels;
  std::vector<Taint> taints;  // in the object's order
  friend bool operator==(const Node&, const Node&) = default;
};

// `body` is what `object` was parsed from. Errc::server_error for what is no Node.
Result<Node> read_node(const json::Value& object, std::string_view body);

// A node's name is an RFC 1123 subdomain: lower case letters, digits, "-" and ".", at most 253.
[[nodiscard]] bool is_node_name(std::string_view name);

[[nodiscard]] std::string node_path(const std::string& name);  // "/api/v1/nodes/pi-17"

}  // namespace nodeproof::kubernetes
