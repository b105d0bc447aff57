#include "agent/registry/plugin_source.hpp"

#include <algorithm>

#include "agent/registry/credential_helper.hpp"
#include "agent/registry/place_match.hpp"
#include "common/json.hpp"
#include "common/subprocess.hpp"

namespace nodeproof::registry {

namespace {

constexpr std::chrono::seconds kTimeout{60};  // the kubelet's
constexpr std::string_view kHub = "docker.io";

std::string image_of(const Place& place) { return place.host + "/" + place.repository; }

std::string request_for(const CredentialPlugin& plugin, const Place& place) {
  json::Writer writer;
  writer.begin_object()
      .member("kind", "CredentialProviderRequest")
      .member("apiVersion", plugin.api_version)
      .member("image", image_of(place))
      .end_object();
  return writer.str();
}

// The kubelet's spelling of a key: without scheme and version.
std::string keyring_key(std::string_view pattern) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (pattern.starts_with(scheme)) pattern.remove_prefix(scheme.size());
  }
  const auto slash = std::min(pattern.find('/'), pattern.size());
  std::string path(pattern.substr(slash));
  if (path.starts_with("/v1/") || path.starts_with("/v2/")) path.erase(0, 3);
  return std::string(pattern.substr(0, slash)) + (path == "/" ? "" : path);
}

std::vector<std::string> environment_of(const CredentialPlugin& plugin,
                                        const Surroundings& around) {
  std::vector<std::string> all;
  for (const auto& variable : helper_environment(around)) {
    const std::string name = variable.substr(0, variable.find('='));
    const bool replaced =
        std::ranges::any_of(plugin.env, [&](const auto& own) { return own.first == name; });
    if (!replaced) all.push_back(variable);
  }
  for (const auto& [name, value] : plugin.env) all.push_back(name + "=" + value);
  return all;
}

// As the kubelet keeps answers; nothing = a type that is not known.
std::optional<std::string> cache_key_of(std::string_view type, const Place& place) {
  if (type == "Image") return "image " + image_of(place);
  if (type == "Registry") return "registry " + place.host;
  if (type == "Global") return "global";
  return {};
}

}  // namespace

PluginSource::PluginSource(std::optional<PluginPlaces> places, Surroundings around,
                           const Clock& clock)
    : places_(std::move(places)), around_(std::move(around)), clock_(clock) {}

Result<> PluginSource::load() {
  if (plugins_) return {};
  if (!places_) places_ = find_plugins(around_);
  if (!places_) {
    plugins_.emplace();
    return {};
  }
  TRY(check_only_root_writes(places_->config, around_));
  std::error_code none;  // a file has no files in it
  for (const auto& file : std::filesystem::directory_iterator(places_->config, none)) {
    TRY(check_only_root_writes(file.path(), around_));
  }
  plugins_ = TRY(read_plugin_config(places_->config));
  return {};
}

Result<PluginSource::Answer> PluginSource::read_answer(const std::string& text,
                                                       const CredentialPlugin& plugin,
                                                       const Place& place) {
  // Nothing of the answer may stand in a message.
  const auto refuse = [&](std::string_view why) {
    return fail(Errc::invalid_document,
                "the credential provider " + plugin.name + " answered " + std::string(why));
  };
  const auto root = json::parse(text);
  if (!root) return refuse("with no JSON");
  const auto kind = root->string_or("kind", "");
  const auto version = root->string_or("apiVersion", "");
  if (!kind || *kind != "CredentialProviderResponse" || !version ||
      *version != plugin.api_version) {
    return refuse("with no CredentialProviderResponse of " + plugin.api_version);
  }
  Answer answer{.logins = {}, .cache_key = {}, .lasts = plugin.default_cache_duration};
  const auto type = root->string_or("cacheKeyType", "");
  const auto key = type ? cache_key_of(*type, place) : std::nullopt;
  if (!key) return refuse("without a valid cacheKeyType");
  const json::Value* const duration = root->find("cacheDuration");
  if (duration != nullptr && duration->kind() != json::Value::Kind::null) {
    const auto word = duration->word();
    const auto lasts = word ? parse_go_duration(*word) : std::chrono::nanoseconds(0);
    if (!word || !lasts) return refuse("with a cacheDuration that is none");
    answer.lasts = *lasts;
  }
  if (answer.lasts > std::chrono::nanoseconds(0)) answer.cache_key = *key;
  const json::Value* const auth = root->find("auth");
  if (auth == nullptr) return answer;
  for (const auto& [pattern, login] : auth->members()) {
    const auto username = login.string_or("username", "");
    const auto password = login.string_or("password", "");
    if (!username || !password) return refuse("with a login that is none");
    answer.logins.push_back({keyring_key(pattern), *username, *password});
  }
  return answer;
}

Result<PluginSource::Answer> PluginSource::ask(const CredentialPlugin& plugin, const Place& place,
                                               const std::stop_token& stop) const {
  const auto program = places_->bin_dir / plugin.name;
  TRY(check_only_root_writes(program, around_));
  Command command{.argv = {program.string()},
                  .environment = environment_of(plugin, around_),
                  .input = request_for(plugin, place),
                  .timeout = kTimeout};
  command.argv.insert(command.argv.end(), plugin.args.begin(), plugin.args.end());
  const Finished finished = TRY(run_command(command, stop));
  if (finished.exit_status != 0) {
    return fail(Errc::unauthorized, "the credential provider " + program.string() + " failed for " +
                                        image_of(place) + " with status " +
                                        std::to_string(finished.exit_status) +
                                        last_words(finished.errors));
  }
  return read_answer(finished.output, plugin, place);
}

Result<std::vector<PluginSource::Login>> PluginSource::logins_of(const CredentialPlugin& plugin,
                                                                 const Place& place,
                                                                 const std::stop_token& stop) {
  for (const char* const type : {"Image", "Registry", "Global"}) {
    const auto kept = kept_.find(plugin.name + " " + *cache_key_of(type, place));
    if (kept != kept_.end() && clock_.monotonic() < kept->second.good_until) {
      return kept->second.logins;
    }
  }
  Answer answer = TRY(ask(plugin, place, stop));
  if (!answer.cache_key.empty()) {
    // Far more than a process lives, and safe to add.
    constexpr std::chrono::nanoseconds kLongest = std::chrono::hours(24 * 365);
    kept_.insert_or_assign(
        plugin.name + " " + answer.cache_key,
        Kept{answer.logins, clock_.monotonic() + std::min(answer.lasts, kLongest)});
  }
  return std::move(answer.logins);
}

std::optional<Credentials> PluginSource::choose(const std::vector<Said>& all, const Place& place) {
  const Place hub{"index.docker.io", place.repository};
  const Login* best = nullptr;
  Credentials found;
  for (const auto& [name, logins] : all) {
    for (const Login& login : logins) {
      const bool fits = kubelet_matches(login.pattern, place) ||
                        (place.host == kHub && kubelet_matches(login.pattern, hub));
      // The kubelet's order: by key, the greatest first; of equal ones the first plugin's.
      if (!fits || (best != nullptr && best->pattern >= login.pattern)) continue;
      best = &login;
      found.source = "the credential provider " + name;
    }
  }
  if (best == nullptr || best->username.empty()) return {};
  found.username = best->username;
  found.password = best->password;
  return found;
}

Result<std::optional<Credentials>> PluginSource::find(const Place& place,
                                                      const std::stop_token& stop) {
  const std::scoped_lock lock(mutex_);
  TRY(load());
  std::optional<Error> problem;
  std::vector<Said> all;
  for (const CredentialPlugin& plugin : *plugins_) {
    if (plugin.needs_service_account || !plugin.serves(place)) continue;
    auto logins = logins_of(plugin, place, stop);
    if (logins) {
      all.emplace_back(plugin.name, *std::move(logins));
    } else if (!problem) {
      problem = std::move(logins).error();
    }
  }
  auto found = choose(all, place);
  // As for the kubelet: one that failed does not matter where another one knows.
  if (!found && problem) return std::unexpected(*std::move(problem));
  return found;
}

Result<std::string> PluginSource::describe(const Place& place) {
  const std::scoped_lock lock(mutex_);
  TRY(load());
  for (const CredentialPlugin& plugin : *plugins_) {
    if (plugin.needs_service_account || !plugin.serves(place)) continue;
    return "the credential provider " + (places_->bin_dir / plugin.name).string();
  }
  return "";
}

}  // namespace nodeproof::registry
