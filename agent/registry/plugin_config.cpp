#include "agent/registry/plugin_config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "agent/registry/place_match.hpp"
#include "common/file.hpp"
#include "common/words.hpp"
#include "common/yaml.hpp"

namespace nodeproof::registry {

namespace {

using json::Value;
using std::chrono::nanoseconds;

constexpr std::array<std::string_view, 3> kVersions{"v1", "v1beta1", "v1alpha1"};
constexpr std::string_view kConfigGroup = "kubelet.config.k8s.io/";
constexpr std::string_view kRequestGroup = "credentialprovider.kubelet.k8s.io/";

bool is_version_of(std::string_view group, std::string_view text) {
  return text.starts_with(group) &&
         std::ranges::find(kVersions, text.substr(group.size())) != kVersions.end();
}

const Value* member(const Value& object, std::string_view key) {
  const Value* value = object.find(key);
  return value == nullptr || value->kind() == Value::Kind::null ? nullptr : value;
}

std::unexpected<Error> refuse(const Value& where, const std::string& why) {
  return fail(Errc::invalid_config, where.path() + ": " + why);
}

Result<std::string> name_of(const Value& provider) {
  const Value* const value = TRY(provider.at("name"));
  std::string name = TRY(value->word());
  if (name.empty() || name == "." || name == ".." ||
      name.find_first_of("/ ") != std::string::npos) {
    return refuse(*value, "a plugin's name is one file name without spaces");
  }
  return name;
}

Result<bool> needs_service_account(const Value& provider) {
  const Value* const attributes = member(provider, "tokenAttributes");
  if (attributes == nullptr) return false;
  const Value* const required = member(*attributes, "requireServiceAccount");
  return required == nullptr ? Result<bool>(true) : required->boolean();
}

Result<std::vector<std::pair<std::string, std::string>>> env_of(const Value& list) {
  std::vector<std::pair<std::string, std::string>> env;
  for (const Value& entry : list.items()) {
    const Value* const name = TRY(entry.at("name"));
    const Value* const value = member(entry, "value");
    env.emplace_back(TRY(name->word()), value == nullptr ? "" : TRY(value->word()));
  }
  return env;
}

Result<CredentialPlugin> plugin_of(const Value& provider) {
  CredentialPlugin plugin;
  plugin.name = TRY(name_of(provider));
  const Value* const images = TRY(provider.at("matchImages"));
  plugin.match_images = TRY(images->strings());
  if (plugin.match_images.empty()) return refuse(*images, "at least one image has to match");
  const Value* const version = TRY(provider.at("apiVersion"));
  plugin.api_version = TRY(version->string());
  if (!is_version_of(kRequestGroup, plugin.api_version)) {
    return refuse(*version, "'" + excerpt(plugin.api_version) + "' is not known, only " +
                                std::string(kRequestGroup) + "v1, v1beta1 and v1alpha1");
  }
  const Value* const duration = TRY(provider.at("defaultCacheDuration"));
  const auto parsed = parse_go_duration(TRY(duration->word()));
  if (!parsed) return refuse(*duration, parsed.error().message);
  plugin.default_cache_duration = *parsed;
  if (const Value* args = member(provider, "args")) plugin.args = TRY(args->strings());
  if (const Value* env = member(provider, "env")) plugin.env = TRY(env_of(*env));
  plugin.needs_service_account = TRY(needs_service_account(provider));
  return plugin;
}

Result<std::vector<CredentialPlugin>> plugins_of(const Value& root) {
  const Value* const version = TRY(root.at("apiVersion"));
  const Value* const kind = TRY(root.at("kind"));
  if (!is_version_of(kConfigGroup, TRY(version->string())) ||
      TRY(kind->string()) != "CredentialProviderConfig") {
    return refuse(root, "this is no CredentialProviderConfig of kubelet.config.k8s.io");
  }
  const Value* const providers = TRY(root.at("providers"));
  if (providers->kind() != Value::Kind::array) return std::unexpected(providers->wrong("a list"));
  std::vector<CredentialPlugin> plugins;
  for (const Value& provider : providers->items()) plugins.push_back(TRY(plugin_of(provider)));
  return plugins;
}

Result<> check_names(const std::vector<CredentialPlugin>& plugins, const std::string& file) {
  std::set<std::string_view> names;
  for (const auto& plugin : plugins) {
    if (names.insert(plugin.name).second) continue;
    return fail(Errc::invalid_config, file + ": two providers have the name " + plugin.name);
  }
  return {};
}

bool is_config_file(const std::filesystem::directory_entry& entry) {
  std::error_code problem;
  const auto extension = entry.path().extension();
  return !entry.is_directory(problem) &&
         (extension == ".json" || extension == ".yaml" || extension == ".yml");
}

}  // namespace

bool CredentialPlugin::serves(const Place& place) const {
  return std::ranges::any_of(
      match_images, [&](const std::string& pattern) { return kubelet_matches(pattern, place); });
}

Result<nanoseconds> parse_go_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 6> kUnits{
      {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};
  constexpr double kLongest = 9e18;  // nanoseconds, some 285 years
  const auto refuse = [&] {
    return fail(Errc::invalid_document, "'" + excerpt(text) + "' is no duration like \"12h\"");
  };
  if (text == "0") return nanoseconds(0);
  double total = 0;
  for (std::string_view rest = text; !rest.empty() || text.empty();) {
    const auto digits = rest.substr(0, rest.find_first_not_of("0123456789."));
    double number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || end != digits.data() + digits.size()) return refuse();
    rest.remove_prefix(digits.size());
    const auto letters = std::min(rest.find_first_of("0123456789."), rest.size());
    const auto unit = std::ranges::find(kUnits, rest.substr(0, letters),
                                        &std::pair<std::string_view, double>::first);
    if (unit == kUnits.end()) return refuse();
    rest.remove_prefix(letters);
    total += number * unit->second;
  }
  if (total > kLongest) return refuse();
  return nanoseconds(static_cast<std::int64_t>(total));
}

Result<std::vector<CredentialPlugin>> parse_plugin_config(std::string_view text,
                                                          const std::string& file) {
  const auto read = [&]() -> Result<std::vector<CredentialPlugin>> {
    const Value root = TRY(yaml::parse(text));
    return plugins_of(root);
  };
  auto plugins = read();
  if (!plugins) {
    Error error = std::move(plugins).error();
    error.code = Errc::invalid_config;
    return std::unexpected(std::move(error).with_context(file));
  }
  TRY(check_names(*plugins, file));
  return plugins;
}

Result<std::vector<CredentialPlugin>> read_plugin_config(const std::filesystem::path& path) {
  std::error_code problem;
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(path, problem)) {
    for (const auto& entry : std::filesystem::directory_iterator(path, problem)) {
      if (is_config_file(entry)) files.push_back(entry.path());
    }
    std::ranges::sort(files);
  } else {
    files.push_back(path);
  }
  std::vector<CredentialPlugin> all;
  for (const auto& file : files) {
    const std::string text = TRY(read_file(file));
    auto plugins = TRY(parse_plugin_config(text, file.string()));
    for (auto& plugin : plugins) all.push_back(std::move(plugin));
  }
  TRY(check_names(all, path.string()));
  return all;
}

}  // namespace nodeproof::registry
