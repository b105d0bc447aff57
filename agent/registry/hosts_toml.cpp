#include "agent/registry/hosts_toml.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "agent/registry/host.hpp"
#include "agent/registry/rewrite.hpp"
#include "common/file.hpp"
#include "common/toml.hpp"
#include "common/words.hpp"

namespace nodeproof::registry {
namespace {

namespace fs = std::filesystem;
using json::Value;

constexpr const char* kRemedy =
    "mend the file: containerd itself passes over it and asks the registry";

// The URLs of hosts are keys, so that an error's path holds them.
std::string without_logins(std::string text) {
  for (std::size_t at = 0; (at = text.find("://", at)) != std::string::npos;) {
    at += 3;
    const std::size_t end = text.find_first_of("\"' ", at);
    const std::size_t sign = text.rfind('@', end);
    if (sign != std::string::npos && sign >= at) text.erase(at, sign + 1 - at);
  }
  return text;
}

std::unexpected<Error> wrong(const fs::path& file, std::string what) {
  what = without_logins(std::move(what));
  return fail(Errc::invalid_config, file.string() + ": " + what, kRemedy);
}

// Where a value of one host stands, for its errors.
struct Source {
  const fs::path& file;
  const Value& table;

  [[nodiscard]] std::unexpected<Error> wrong(const std::string& what) const {
    return registry::wrong(file, table.path() + ": " + what);
  }
  [[nodiscard]] std::unexpected<Error> wrong_type(const Value& value,
                                                  std::string_view expected) const {
    return registry::wrong(file, value.wrong(expected).message);
  }
  [[nodiscard]] std::string absolute(const std::string& path) const {
    return (file.parent_path() / path).lexically_normal().string();
  }
};

// A string, or a list of strings.
Result<std::vector<std::string>> texts(const Source& source, const Value& value) {
  if (value.kind() == Value::Kind::string) return std::vector{TRY(value.string())};
  if (value.kind() != Value::Kind::array) {
    return source.wrong_type(value, "a string or a list of strings");
  }
  auto list = value.strings();
  if (!list) return wrong(source.file, list.error().message);
  return list;
}

// Go's time.ParseDuration, without signs: "1m30s", "500ms", "1.5h".
std::optional<std::chrono::milliseconds> go_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double milliseconds;
  };
  constexpr std::array<Unit, 5> kUnits{
      {{"ms", 1}, {"us", 0.001}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
  double sum = 0;
  if (text.empty()) return {};
  while (!text.empty()) {
    double number = 0;
    const char* const first = text.data();
    const char* const last = first + text.size();
    const auto [end, error] = std::from_chars(first, last, number, std::chars_format::fixed);
    if (error != std::errc() || number < 0) return {};
    text = {end, static_cast<std::size_t>(last - end)};
    const auto unit = std::ranges::find_if(
        kUnits, [&](const Unit& known) { return text.starts_with(known.name); });
    if (unit == kUnits.end()) return {};
    sum += number * unit->milliseconds;
    text.remove_prefix(unit->name.size());
  }
  if (sum > 86'400'000) return {};
  return std::chrono::milliseconds(static_cast<std::int64_t>(sum));
}

std::string clean_path(std::string_view path) {
  const std::string clean = fs::path(path).lexically_normal().string();
  return clean.size() > 1 && clean.ends_with('/') ? clean.substr(0, clean.size() - 1) : clean;
}

Result<HttpUrl> read_url(const Source& source, std::string written, bool override_path) {
  if (!written.starts_with("http")) written.insert(0, "https://");
  auto url = parse_http_url(written);
  if (!url) return source.wrong("'" + shown_url(written) + "' is " + url.error().message);
  const bool has_path = written.find('/', written.find("://") + 3) != std::string::npos;
  std::string path = has_path ? clean_path(url->target.substr(0, url->target.find('?'))) : "";
  if (path == "/") path.clear();
  if (!override_path && !path.ends_with("/v2")) path += "/v2";
  url->target = path.empty() ? "/" : path;
  return url;
}

Result<> read_capabilities(const Source& source, WrittenHost& host) {
  const Value* value = source.table.find("capabilities");
  if (value == nullptr) return {};
  const auto names = TRY(texts(source, *value));
  if (names.empty()) return {};
  host.resolve = host.pull = false;
  for (const std::string& name : names) {
    const std::string lower = fold_case(name);
    if (lower == "resolve") {
      host.resolve = true;
    } else if (lower == "pull") {
      host.pull = true;
    } else if (lower != "push" && lower != "referrers") {
      return source.wrong("unknown capability '" + excerpt(name, 64) + "'");
    }
  }
  return {};
}

Result<> read_client(const Source& source, WrittenHost& host) {
  const Value* value = source.table.find("client");
  if (value == nullptr) return {};
  const Value* first = value;
  if (value->kind() == Value::Kind::array) {
    if (value->items().empty()) return {};
    first = &value->items().front();
  }
  const auto files = TRY(texts(source, *first));
  if (files.empty() || files.size() > 2) return source.wrong("a client is one file, or a pair");
  host.tls.client_certificate = source.absolute(files.front());
  host.tls.client_key = source.absolute(files.back().empty() ? files.front() : files.back());
  return {};
}

Result<> add_header(const Source& source, const std::string& name, std::vector<std::string> values,
                    WrittenHost& host) {
  for (std::string& text : values) {
    const std::string line = name + text;
    if (name.empty() || line.find_first_of("\r\n") != std::string::npos) {
      return source.wrong("header '" + excerpt(name, 64) + "' is none");
    }
    host.headers.emplace_back(name, std::move(text));
  }
  return {};
}

Result<> read_headers(const Source& source, WrittenHost& host) {
  const Value* value = source.table.find("header");
  if (value == nullptr) return {};
  if (value->kind() != Value::Kind::object) return source.wrong_type(*value, "a table");
  for (const auto& [name, given] : value->members()) {
    auto values = TRY(texts(source, given));
    TRY(add_header(source, name, std::move(values), host));
  }
  return {};
}

Result<> read_rewrites(const Source& source, WrittenHost& host) {
  const Value* value = source.table.find("rewrite");
  if (value == nullptr) return {};
  if (value->kind() != Value::Kind::object) return source.wrong_type(*value, "a table");
  for (const auto& [expression, replacement] : value->members()) {
    auto text = replacement.string();
    if (!text) return wrong(source.file, text.error().message);
    if (auto fine = check_rewrite(expression, *text); !fine)
      return source.wrong(fine.error().message);
    host.rewrites.emplace_back(expression, *std::move(text));
  }
  return {};
}

Result<bool> read_flag(const Source& source, std::string_view key) {
  const Value* value = source.table.find(key);
  if (value == nullptr) return false;
  const auto flag = value->boolean();
  if (!flag) return wrong(source.file, flag.error().message);
  return *flag;
}

Result<> read_timeout(const Source& source, WrittenHost& host) {
  const Value* value = source.table.find("dial_timeout");
  if (value == nullptr) return {};
  const std::string text = value->string().value_or("");
  host.dial_timeout = go_duration(text);
  if (!host.dial_timeout) return source.wrong("'" + excerpt(text, 64) + "' is no dial_timeout");
  return {};
}

Result<WrittenHost> read_host(const Source& source, const std::string& url) {
  WrittenHost host;
  const bool override_path = TRY(read_flag(source, "override_path"));
  if (!url.empty()) host.api = TRY(read_url(source, url, override_path));
  TRY(read_capabilities(source, host));
  if (const Value* ca = source.table.find("ca")) {
    for (const std::string& file : TRY(texts(source, *ca))) {
      host.tls.more_ca_files.push_back(source.absolute(file));
    }
  }
  TRY(read_client(source, host));
  host.tls.verify = !TRY(read_flag(source, "skip_verify"));
  TRY(read_headers(source, host));
  TRY(read_rewrites(source, host));
  TRY(read_timeout(source, host));
  return host;
}

// Docker's layout: *.crt are CAs, X.cert and X.key a client.
std::vector<WrittenHost> read_certificates(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) files.push_back(entry.path());
  std::ranges::sort(files);
  WrittenHost host;
  for (const fs::path& file : files) {
    if (file.extension() == ".crt") host.tls.more_ca_files.push_back(file.string());
    if (file.extension() != ".cert" || !host.tls.client_certificate.empty()) continue;
    fs::path key = file;
    key.replace_extension(".key");
    host.tls.client_certificate = file.string();
    host.tls.client_key = fs::exists(key, ignored) ? key.string() : file.string();
  }
  return {host};
}

std::optional<fs::path> find_folder(const std::vector<fs::path>& directories,
                                    const std::string& registry) {
  std::vector<std::string> names{registry, "_default"};
  if (const auto colon = registry.rfind(':');
      colon != std::string::npos && !registry.ends_with(']')) {
    names.insert(names.begin(), registry.substr(0, colon) + "_" + registry.substr(colon + 1) + "_");
  }
  std::error_code ignored;
  for (const fs::path& directory : directories) {
    for (const std::string& name : names) {
      if (fs::exists(directory / name, ignored)) return directory / name;
    }
  }
  return {};
}

}  // namespace

Result<std::vector<WrittenHost>> parse_hosts_toml(std::string_view text, const fs::path& file) {
  const auto root = toml::parse(text);
  if (!root) return wrong(file, root.error().message);
  std::vector<WrittenHost> hosts;
  const Value* table = root->find("host");
  const json::Object none;
  for (const auto& [url, value] : table == nullptr ? none : table->members()) {
    if (value.kind() != Value::Kind::object) return wrong(file, value.wrong("a table").message);
    hosts.push_back(TRY(read_host({file, value}, url)));
  }
  const auto server = root->string_or("server", "");
  if (!server) return wrong(file, server.error().message);
  hosts.push_back(TRY(read_host({file, *root}, *server)));
  return hosts;
}

Result<std::optional<std::vector<WrittenHost>>> read_hosts(const std::vector<fs::path>& directories,
                                                           const std::string& registry) {
  const auto folder = find_folder(directories, registry);
  if (!folder) return std::nullopt;
  const fs::path file = *folder / "hosts.toml";
  const auto text = read_file(file);
  if (!text && text.error().code != Errc::not_found) {
    return wrong(file, text.error().message);
  }
  if (!text || text->empty()) return read_certificates(*folder);
  return TRY(parse_hosts_toml(*text, file));
}

}  // namespace nodeproof::registry
