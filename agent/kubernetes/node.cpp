#include "agent/kubernetes/node.hpp"

#include <algorithm>

#include "agent/json_read.hpp"

namespace nodeproof::kubernetes {
namespace {

const json::Array& items_at(const json::Value& object, std::string_view parent,
                            std::string_view list) {
  static const json::Array kNone;
  const json::Value* above = object.find(parent);
  const json::Value* found = above == nullptr ? nullptr : above->find(list);
  return found == nullptr ? kNone : found->items();
}

Result<std::optional<Condition>> read_ours(const json::Value& object) {
  for (const json::Value& item : items_at(object, "status", "conditions")) {
    if (TRY(item.string_or("type", "")) != kConditionType) continue;
    Condition out;
    TRY(json::read(item, "status", out.status));
    TRY(json::read(item, "reason", out.reason));
    TRY(json::read(item, "message", out.message));
    // null on an object that somebody wrote without them
    out.last_transition = item.string_or("lastTransitionTime", "").value_or("");
    out.last_heartbeat = item.string_or("lastHeartbeatTime", "").value_or("");
    return std::optional(std::move(out));
  }
  return std::optional<Condition>();
}

Result<Node> read_parts(const json::Value& object, std::string_view body) {
  Node out;
  if (TRY(object.string_or("kind", "")) != "Node") {
    return fail(Errc::server_error, "the answer is no Node");
  }
  const json::Value* metadata = TRY(object.at("metadata"));
  TRY(json::read(*metadata, "uid", out.uid));
  if (out.uid.empty()) return fail(Errc::server_error, "the Node has no uid");
  if (const json::Value* labels = metadata->find("labels")) {
    for (const auto& [key, value] : labels->members()) out.labels[key] = TRY(value.string());
  }
  out.condition = TRY(read_ours(object));
  for (const json::Value& item : items_at(object, "spec", "taints")) {
    Taint taint;
    TRY(json::read(item, "key", taint.key));
    TRY(json::read(item, "effect", taint.effect));
    taint.source = item.source_in(body);
    out.taints.push_back(std::move(taint));
  }
  return out;
}

}  // namespace

Result<Node> read_node(const json::Value& object, std::string_view body) {
  auto read = read_parts(object, body);
  if (!read) return fail(Errc::server_error, "the API server's Node: " + read.error().message);
  return read;
}

bool is_node_name(std::string_view name) {
  constexpr std::size_t kLongest = 253;
  const auto word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const auto fits = [&](char c) { return word(c) || c == '-' || c == '.'; };
  return !name.empty() && name.size() <= kLongest && std::ranges::all_of(name, fits) &&
         word(name.front()) && word(name.back()) && !name.contains("..");
}

std::string node_path(const std::string& name) { return "/api/v1/nodes/" + name; }

}  // namespace nodeproof::kubernetes
