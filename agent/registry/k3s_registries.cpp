#include "agent/registry/k3s_registries.hpp"

#include "common/yaml.hpp"

namespace nodeproof::registry {

namespace {

using json::Value;

bool is_absent(const Value* value) {
  return value == nullptr || value->kind() == Value::Kind::null;
}

Result<> expect(const Value& value, Value::Kind kind, std::string_view expected) {
  if (value.kind() != kind) return std::unexpected(value.wrong(expected));
  return {};
}

Result<std::string> word(const Value& section, std::string_view key) {
  const Value* value = section.find(key);
  if (is_absent(value)) return "";
  return value->word();
}

Result<std::vector<std::pair<std::string, std::string>>> rewrites_of(const Value& section) {
  TRY(expect(section, Value::Kind::object, "a mapping"));
  std::vector<std::pair<std::string, std::string>> rewrites;
  for (const auto& [pattern, replacement] : section.members()) {
    rewrites.emplace_back(pattern, TRY(replacement.word()));
  }
  return rewrites;
}

Result<K3sMirror> mirror_of(const Value& section) {
  K3sMirror mirror;
  if (is_absent(&section)) return mirror;  // "*": with nothing behind it turns the mirror on
  TRY(expect(section, Value::Kind::object, "a mapping"));
  const Value* const endpoints = section.find("endpoint");
  if (!is_absent(endpoints)) mirror.endpoints = TRY(endpoints->strings());
  const Value* const rewrites = section.find("rewrite");
  if (!is_absent(rewrites)) mirror.rewrites = TRY(rewrites_of(*rewrites));
  return mirror;
}

Result<WrittenLogin> login_of(const Value& section) {
  TRY(expect(section, Value::Kind::object, "a mapping"));
  WrittenLogin login;
  login.username = TRY(word(section, "username"));
  login.password = TRY(word(section, "password"));
  login.auth = TRY(word(section, "auth"));
  login.identity_token = TRY(word(section, "identity_token"));
  // The spelling of k3s since 1.29, which reads the file as JSON.
  if (login.identity_token.empty()) login.identity_token = TRY(word(section, "identitytoken"));
  return login;
}

Result<K3sTls> tls_of(const Value& section) {
  TRY(expect(section, Value::Kind::object, "a mapping"));
  K3sTls tls;
  tls.ca_file = TRY(word(section, "ca_file"));
  tls.cert_file = TRY(word(section, "cert_file"));
  tls.key_file = TRY(word(section, "key_file"));
  if (const Value* skip = section.find("insecure_skip_verify"); !is_absent(skip)) {
    tls.insecure_skip_verify = TRY(skip->boolean());
  }
  return tls;
}

Result<K3sHost> host_of(const Value& section) {
  K3sHost host;
  if (is_absent(&section)) return host;
  TRY(expect(section, Value::Kind::object, "a mapping"));
  if (const Value* auth = section.find("auth"); !is_absent(auth)) {
    host.auth = TRY(login_of(*auth));
  }
  if (const Value* tls = section.find("tls"); !is_absent(tls)) host.tls = TRY(tls_of(*tls));
  return host;
}

// The members of a section, each read by `read`.
template <class Entry>
Result<> read_all(const Value* section, Result<Entry> (*read)(const Value&),
                  std::map<std::string, Entry, std::less<>>& into) {
  if (is_absent(section)) return {};
  TRY(expect(*section, Value::Kind::object, "a mapping"));
  for (const auto& [name, value] : section->members()) into.emplace(name, TRY(read(value)));
  return {};
}

Result<K3sRegistries> registries_of(const Value& root) {
  K3sRegistries registries;
  if (is_absent(&root)) return registries;  // an empty file
  TRY(expect(root, Value::Kind::object, "a mapping"));
  TRY(read_all(root.find("mirrors"), mirror_of, registries.mirrors));
  TRY(read_all(root.find("configs"), host_of, registries.configs));
  return registries;
}

}  // namespace

Result<K3sRegistries> parse_k3s_registries(std::string_view text, const std::string& file) {
  const auto read = [&]() -> Result<K3sRegistries> {
    const Value root = TRY(yaml::parse(text));
    return registries_of(root);
  };
  auto registries = read();
  if (registries) return registries;
  Error error = std::move(registries).error();
  error.code = Errc::invalid_config;
  return std::unexpected(std::move(error).with_context(file).with_remedy("mend " + file));
}

}  // namespace nodeproof::registry
