#include "tests/fakes/fake_kubernetes.hpp"

#include "common/file.hpp"

namespace nodeproof::fakes {
namespace {

constexpr std::string_view kServer = "https://api.test:6443";
constexpr std::string_view kNodes = "/api/v1/nodes/";
constexpr std::string_view kEvents = "/api/v1/namespaces/default/events";

ScriptedAnswer ok(const std::string& body, int status = 200) {
  return {.status = status, .headers = {}, .body = body, .broken = {}};
}

void write_taint(json::Writer& out, const FakeTaint& taint) {
  out.begin_object().member("key", taint.key);
  if (!taint.value.empty()) out.member("value", taint.value);
  out.member("effect", taint.effect).end_object();
}

std::string text_of(const std::string& name, const FakeNode& node) {
  json::Writer out(true);
  out.begin_object().member("kind", "Node").member("apiVersion", "v1");
  out.key("metadata").begin_object().member("name", name).member("uid", node.uid);
  out.key("labels").begin_object();
  for (const auto& [key, value] : node.labels) out.member(key, value);
  out.end_object().end_object().key("spec").begin_object().key("taints").begin_array();
  for (const FakeTaint& taint : node.taints) write_taint(out, taint);
  out.end_array().end_object().key("status").begin_object().key("conditions").begin_array();
  for (const auto& [type, members] : node.conditions) {
    out.begin_object().member("type", type);
    for (const auto& [key, value] : members) out.member(key, value);
    out.end_object();
  }
  return out.end_array().end_object().end_object().str();
}

std::string member(const json::Value& object, std::string_view key) {
  const json::Value* value = object.find(key);
  return value == nullptr ? "" : value->word().value_or("");
}

void patch_conditions(FakeNode& node, const json::Value& patch) {
  for (const json::Value& item : patch.find("status")->find("conditions")->items()) {
    auto& condition = node.conditions[member(item, "type")];
    for (const auto& [key, value] : item.members()) {
      if (key != "type") condition[key] = value.string().value_or("");
    }
  }
}

void patch_labels(FakeNode& node, const json::Value& patch) {
  for (const auto& [key, value] : patch.find("metadata")->find("labels")->members()) {
    if (value.kind() == json::Value::Kind::null) {
      node.labels.erase(key);
    } else {
      node.labels[key] = value.string().value_or("");
    }
  }
}

// "test" and "remove" of the uid and of taints; false = a test failed, and nothing is changed.
bool patch_taints(FakeNode& node, const json::Value& patch) {
  constexpr std::string_view kPlace = "/spec/taints/";
  FakeNode changed = node;
  for (const json::Value& step : patch.items()) {
    const std::string path = member(step, "path");
    const json::Value* value = step.find("value");
    if (path == "/metadata/uid") {
      if (value->string().value_or("") != node.uid) return false;
      continue;
    }
    const std::size_t at = std::stoul(path.substr(kPlace.size()));
    if (at >= changed.taints.size()) return false;
    if (member(step, "op") == "remove") {
      changed.taints.erase(changed.taints.begin() + static_cast<std::ptrdiff_t>(at));
    } else if (changed.taints[at] != FakeTaint{.key = member(*value, "key"),
                                               .effect = member(*value, "effect"),
                                               .value = member(*value, "value")}) {
      return false;
    }
  }
  node = changed;
  return true;
}

std::string header(const HttpRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return {};
}

std::string text_in(const std::string& file) { return read_file(file).value_or(""); }

}  // namespace

ScriptedAnswer status_answer(int status, const std::string& reason, const std::string& message) {
  json::Writer out;
  out.begin_object().member("kind", "Status").member("status", "Failure");
  out.member("reason", reason).member("message", message);
  return ok(out.end_object().str(), status);
}

void FakeKubernetes::answer_next(const std::string& request, ScriptedAnswer answer) {
  scripted_[request].push_back(std::move(answer));
}

void FakeKubernetes::before_next(const std::string& request, std::function<void()> act) {
  acts_[request].push_back(std::move(act));
}

std::vector<std::string> FakeKubernetes::requests() const {
  std::vector<std::string> out;
  for (const Seen& each : seen_) out.push_back(each.request);
  return out;
}

ScriptedAnswer FakeKubernetes::node_request(const Seen& seen, const std::string& rest) {
  const std::string name = rest.substr(0, rest.find('/'));
  const auto found = nodes.find(name);
  if (found == nodes.end())
    return status_answer(404, "NotFound", "nodes \"" + name + "\" not found");
  FakeNode& node = found->second;
  if (seen.request.starts_with("GET ")) return ok(text_of(name, node));
  const auto patch = json::parse(seen.body);
  if (!patch) return status_answer(400, "BadRequest", patch.error().message);
  if (rest.ends_with("/status")) {
    patch_conditions(node, *patch);
  } else if (seen.content_type == "application/merge-patch+json") {
    patch_labels(node, *patch);
  } else if (!patch_taints(node, *patch)) {
    return status_answer(422, "Invalid", "the server rejected our request due to an error");
  }
  return ok(text_of(name, node));
}

ScriptedAnswer FakeKubernetes::event_request(const Seen& seen, const std::string& rest) {
  const auto body = json::parse(seen.body);
  if (!body) return status_answer(400, "BadRequest", body.error().message);
  std::string name = rest.empty() ? member(*body->find("metadata"), "name") : rest.substr(1);
  if (rest.empty() && events.contains(name)) return status_answer(409, "AlreadyExists", name);
  if (!rest.empty() && !events.contains(name)) return status_answer(404, "NotFound", name);
  auto& event = events[name];
  for (const auto& [key, value] : body->members()) {
    if (const auto word = value.word()) event[key] = *word;
  }
  if (rest.empty()) event["uid"] = member(*body->find("involvedObject"), "uid");
  return ok(seen.body, rest.empty() ? 201 : 200);
}

ScriptedAnswer FakeKubernetes::answer(const Seen& seen) {
  if (auto acts = acts_.find(seen.request); acts != acts_.end() && !acts->second.empty()) {
    const auto act = acts->second.front();
    acts->second.pop_front();
    act();
  }
  if (auto scripted = scripted_.find(seen.request);
      scripted != scripted_.end() && !scripted->second.empty()) {
    const ScriptedAnswer next = scripted->second.front();
    scripted->second.pop_front();
    return next;
  }
  if (!token.empty() && seen.authorization != "Bearer " + token) {
    return status_answer(401, "Unauthorized", "Unauthorized");
  }
  const std::string path = seen.request.substr(seen.request.find(' ') + 1);
  if (path.starts_with(kNodes)) return node_request(seen, path.substr(kNodes.size()));
  if (path.starts_with(kEvents)) return event_request(seen, path.substr(kEvents.size()));
  return status_answer(404, "NotFound", path);
}

Result<HttpResponse> FakeKubernetes::send(const HttpRequest& request, const HttpHeadSink& head,
                                          const ByteSink& body, std::stop_token stop) {
  if (stop.stop_requested()) return fail(Errc::cancelled, "stopped");
  if (!request.url.starts_with(kServer))
    return fail(Errc::unreachable, "no route to " + request.url);
  std::string path = request.url.substr(kServer.size());
  path = path.substr(0, path.find('?'));
  seen_.push_back({.request = request.method + " " + path,
                   .body = request.body,
                   .content_type = header(request, "Content-Type"),
                   .authorization = header(request, "Authorization"),
                   .ca = text_in(request.tls.ca_file),
                   .certificate = text_in(request.tls.client_certificate),
                   .key = text_in(request.tls.client_key),
                   .whole = request});
  const ScriptedAnswer given = answer(Seen(seen_.back()));
  if (given.status == 0) return std::unexpected(*given.broken);
  HttpResponse response{.status = given.status, .headers = given.headers, .address = {}};
  TRY(head(response));
  TRY(body(as_bytes(given.body)));
  if (given.broken) return std::unexpected(*given.broken);
  return response;
}

}  // namespace nodeproof::fakes
