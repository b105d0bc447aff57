#include "agent/registry/written_sources.hpp"

#include "agent/registry/credential_helper.hpp"
#include "agent/registry/place_match.hpp"
#include "common/file.hpp"

namespace nodeproof::registry {

namespace {

constexpr std::chrono::minutes kHelperAnswerIsGood{5};

// Nothing = it is not there, which is fine.
Result<std::optional<std::string>> read(const WantedFile& file) {
  std::error_code problem;
  if (!file.named && !std::filesystem::exists(file.path, problem)) {
    return std::optional<std::string>();
  }
  auto text = read_file(file.path);
  if (text) return std::optional<std::string>(*std::move(text));
  return std::unexpected(std::move(text).error().with_remedy(
      "make it readable for nodeproof, or set registry_sources to where it may look"));
}

// What a written login means, once somebody asked for it.
Result<std::optional<Credentials>> given(const WrittenLogin& login, const WantedFile& file) {
  Credentials credentials = TRY(credentials_of(login, file.path.string()));
  if (credentials.anonymous()) return std::optional<Credentials>();
  warn_when_all_can_read(file.path);
  return std::optional<Credentials>(std::move(credentials));
}

std::string with_helper(const WantedFile& file, const Helper& helper) {
  return file.path.string() + " (docker-credential-" + helper.name + ")";
}

}  // namespace

DockerSource::DockerSource(WantedFile file, Surroundings around, const Clock& clock)
    : file_(std::move(file)), around_(std::move(around)), clock_(clock) {}

Result<const DockerConfig*> DockerSource::config() {
  if (!is_read_) {
    const auto text = TRY(read(file_));
    if (text) config_ = TRY(DockerConfig::parse(*text, file_.path.string()));
    is_read_ = true;
  }
  return config_ ? &*config_ : nullptr;
}

Result<std::optional<WrittenLogin>> DockerSource::ask(const Helper& helper,
                                                      const std::stop_token& stop) {
  Said& said = said_[helper.name + "\n" + helper.server];
  if (clock_.monotonic() < said.good_until) return said.login;
  said.login = TRY(ask_helper(helper, around_, stop));
  said.good_until = clock_.monotonic() + kHelperAnswerIsGood;
  return said.login;
}

Result<std::optional<Credentials>> DockerSource::helped(const DockerConfig& config,
                                                        const Place& place,
                                                        const std::stop_token& stop) {
  const auto helper = config.helper_for(place);
  if (!helper) return std::optional<Credentials>();
  auto login = ask(*helper, stop);
  if (!login) return std::unexpected(std::move(login).error().with_context(file_.path.string()));
  if (!*login) return std::optional<Credentials>();
  return std::optional<Credentials>(TRY(credentials_of(**login, with_helper(file_, *helper))));
}

Result<std::optional<Credentials>> DockerSource::find(const Place& place,
                                                      const std::stop_token& stop) {
  const std::scoped_lock lock(mutex_);
  const DockerConfig* const config = TRY(this->config());
  if (config == nullptr) return std::optional<Credentials>();
  auto found = TRY(helped(*config, place, stop));
  const WrittenLogin* const login = config->login_for(place);
  if (found || login == nullptr) return found;
  return given(*login, file_);
}

Result<std::string> DockerSource::describe(const Place& place) {
  const std::scoped_lock lock(mutex_);
  const DockerConfig* const config = TRY(this->config());
  if (config == nullptr) return "";
  if (const auto helper = config->helper_for(place)) return with_helper(file_, *helper);
  return config->login_for(place) == nullptr ? "" : file_.path.string();
}

Result<const WrittenLogin*> K3sSource::login_for(const Place& place) {
  const std::scoped_lock lock(mutex_);
  if (!registries_) {
    const auto text = TRY(read(file_));
    registries_ = TRY(parse_k3s_registries(text.value_or(""), file_.path.string()));
  }
  for (const auto& [host, config] : registries_->configs) {
    if (plain_key(host) == place.host && config.auth) return &*config.auth;
  }
  return nullptr;
}

Result<std::optional<Credentials>> K3sSource::find(const Place& place, const std::stop_token&) {
  const WrittenLogin* const login = TRY(login_for(place));
  return login == nullptr ? std::optional<Credentials>() : given(*login, file_);
}

Result<std::string> K3sSource::describe(const Place& place) {
  const WrittenLogin* const login = TRY(login_for(place));
  return login == nullptr || *login == WrittenLogin{} ? "" : file_.path.string();
}

}  // namespace nodeproof::registry
