#include "agent/registry/docker_config.hpp"

#include <algorithm>

#include "agent/registry/place_match.hpp"
#include "common/json.hpp"

namespace nodeproof::registry {

namespace {

using json::Value;

constexpr const char* kHubServer = "https://index.docker.io/v1/";

const Value* member(const Value& object, std::string_view key) {
  const Value* value = object.find(key);
  return value == nullptr || value->kind() == Value::Kind::null ? nullptr : value;
}

Result<const json::Object*> members(const Value& value) {
  if (value.kind() != Value::Kind::object) return std::unexpected(value.wrong("an object"));
  return &value.members();
}

Result<std::string> text(const Value& object, std::string_view key) {
  const Value* value = member(object, key);
  if (value == nullptr) return "";
  return value->string();
}

Result<WrittenLogin> login_of(const Value& entry) {
  const json::Object* const fields = TRY(members(entry));
  if (fields->empty()) return WrittenLogin{};
  WrittenLogin login;
  login.username = TRY(text(entry, "username"));
  login.password = TRY(text(entry, "password"));
  login.auth = TRY(text(entry, "auth"));
  login.identity_token = TRY(text(entry, "identitytoken"));
  login.registry_token = TRY(text(entry, "registrytoken"));
  return login;
}

// It becomes part of a program's name.
Result<std::string> helper_name(const Value& value) {
  std::string name = TRY(value.string());
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
  if (plain) return name;
  return fail(Errc::invalid_config, value.path() + ": this is no helper's name: only letters, " +
                                        "digits, '-', '_' and '.' may be in it");
}

std::string server_of(const std::string& key, const Place& place) {
  if (key.find('/') != std::string::npos && key.find('*') == std::string::npos) return key;
  return place.host == "docker.io" ? kHubServer : place.host;
}

template <class Entry>
const Entry* best_of(const std::vector<Entry>& entries, const Place& place) {
  const Entry* best = nullptr;
  unsigned best_fit = 0;
  for (const Entry& entry : entries) {
    const unsigned fit = fitness(entry.key, place);
    if (fit > best_fit) best = &entry;
    best_fit = std::max(fit, best_fit);
  }
  return best;
}

}  // namespace

Result<> DockerConfig::take_auths(const Value& auths) {
  const json::Object* const entries = TRY(members(auths));
  for (const auto& [key, value] : *entries) {
    WrittenLogin login = TRY(login_of(value));
    // `docker login` with a store leaves an empty entry as a reminder.
    if (login != WrittenLogin{}) auths_.push_back({plain_key(key), std::move(login)});
  }
  return {};
}

Result<> DockerConfig::take_helpers(const Value& helpers) {
  const json::Object* const entries = TRY(members(helpers));
  for (const auto& [key, value] : *entries) {
    helpers_.push_back({plain_key(key), TRY(helper_name(value))});
  }
  return {};
}

Result<> DockerConfig::take(const Value& root) {
  if (root.kind() != Value::Kind::object) return std::unexpected(root.wrong("an object"));
  if (const Value* auths = member(root, "auths")) TRY(take_auths(*auths));
  if (const Value* helpers = member(root, "credHelpers")) TRY(take_helpers(*helpers));
  if (const Value* store = member(root, "credsStore")) store_ = TRY(helper_name(*store));
  return {};
}

Result<DockerConfig> DockerConfig::parse(std::string_view text, const std::string& file) {
  DockerConfig config;
  const auto root = json::parse(text);
  auto taken = root ? config.take(*root) : Result<>(std::unexpected(root.error()));
  if (taken) return config;
  Error error = std::move(taken).error();
  error.code = Errc::invalid_config;
  return std::unexpected(std::move(error).with_context(file).with_remedy(
      "mend " + file + ", or move it away and log in again (docker login)"));
}

std::optional<Helper> DockerConfig::helper_for(const Place& place) const {
  const HelperEntry* best = best_of(helpers_, place);
  if (best != nullptr && !best->helper.empty()) {
    return Helper{best->helper, server_of(best->key, place)};
  }
  if (!store_.empty() && best == nullptr) return Helper{store_, server_of("", place)};
  return {};
}

const WrittenLogin* DockerConfig::login_for(const Place& place) const {
  const Entry* best = best_of(auths_, place);
  return best == nullptr ? nullptr : &best->login;
}

}  // namespace nodeproof::registry
