#include "agent/registry/credential_chain.hpp"

#include <utility>

#include "agent/registry/plugin_source.hpp"
#include "agent/registry/written_sources.hpp"

namespace nodeproof::registry {

namespace {

constexpr std::string_view kNotUsed = "none";

class OwnSource final : public CredentialSource {
 public:
  explicit OwnSource(OwnLogins logins) : logins_(std::move(logins)) {}
  Result<std::optional<Credentials>> find(const Place& place, const std::stop_token&) override {
    const auto found = logins_.find(place.host);
    if (found == logins_.end()) return std::optional<Credentials>();
    const Credentials login = TRY(found->second);
    return login.anonymous() ? std::optional<Credentials>() : login;
  }
  Result<std::string> describe(const Place& place) override {
    const auto found = logins_.find(place.host);
    if (found == logins_.end()) return std::string();
    const Credentials login = TRY(found->second);
    return login.anonymous() ? std::string() : login.source;
  }

 private:
  const OwnLogins logins_;
};

// What the kubelet or containerd itself uses for all pods.
class NodeWideSource final : public CredentialSource {
 public:
  explicit NodeWideSource(std::unique_ptr<CredentialSource> source) : source_(std::move(source)) {}
  Result<std::optional<Credentials>> find(const Place& place,
                                          const std::stop_token& stop) override {
    auto found = TRY(source_->find(place, stop));
    if (found) found->node_wide = true;
    return found;
  }
  Result<std::string> describe(const Place& place) override { return source_->describe(place); }

 private:
  const std::unique_ptr<CredentialSource> source_;
};

template <class Source, class... Arguments>
std::unique_ptr<CredentialSource> node_wide(Arguments&&... arguments) {
  return std::make_unique<NodeWideSource>(
      std::make_unique<Source>(std::forward<Arguments>(arguments)...));
}

std::filesystem::path kubelet_file(const Surroundings& around) {
  return around.root / "var/lib/kubelet/config.json";
}

std::vector<WantedFile> docker_files(const std::string& named, const Surroundings& around) {
  if (named == kNotUsed) return {};
  if (!named.empty()) return {{.path = named, .named = true}};
  std::vector<WantedFile> files;
  const auto add = [&](const std::string& folder, std::string_view file) {
    if (!folder.empty()) files.push_back({.path = folder + std::string(file), .named = false});
  };
  add(around.variable("REGISTRY_AUTH_FILE"), "");
  const std::string docker = around.variable("DOCKER_CONFIG");
  add(docker.empty() ? around.home() : docker,
      docker.empty() ? "/.docker/config.json" : "/config.json");
  add(around.variable("XDG_RUNTIME_DIR"), "/containers/auth.json");
  if (around.is_root) {
    files.push_back({.path = kubelet_file(around), .named = false});
  }
  return files;
}

std::vector<WantedFile> k3s_files(const std::string& named, const Surroundings& around) {
  if (named == kNotUsed) return {};
  if (!named.empty()) return {{.path = named, .named = true}};
  return {{.path = around.root / "etc/rancher/k3s/registries.yaml", .named = false},
          {.path = around.root / "etc/rancher/rke2/registries.yaml", .named = false}};
}

}  // namespace

CredentialChain::CredentialChain(std::vector<std::unique_ptr<CredentialSource>> sources)
    : sources_(std::move(sources)) {}

void CredentialChain::put_second(std::unique_ptr<CredentialSource> source) {
  sources_.insert(sources_.begin() + (sources_.empty() ? 0 : 1), std::move(source));
}

void CredentialChain::put_last(std::unique_ptr<CredentialSource> source) {
  sources_.push_back(std::move(source));
}

Result<Credentials> CredentialChain::find(const Place& place, const std::stop_token& stop) {
  for (const auto& source : sources_) {
    auto found = source->find(place, stop);
    if (!found) {
      Error error = std::move(found).error();
      // What is wrong with a login says nothing about the image.
      if (error.code != Errc::cancelled) error.code = Errc::unauthorized;
      if (error.remedy.empty()) error.remedy = "mend what is named here: no login is guessed";
      return std::unexpected(std::move(error).with_context("credentials for " + place.host));
    }
    if (*found) return **std::move(found);
  }
  return Credentials{};
}

Result<std::string> CredentialChain::describe(const Place& place) {
  for (const auto& source : sources_) {
    std::string found = TRY(source->describe(place));
    if (!found.empty()) return found;
  }
  return "";
}

std::vector<std::filesystem::path> login_files(const CredentialFiles& files,
                                               const Surroundings& around) {
  std::vector<std::filesystem::path> paths;
  for (const WantedFile& file : docker_files(files.docker_config, around)) {
    paths.push_back(file.path);
  }
  for (const WantedFile& file : k3s_files(files.k3s_registries, around)) paths.push_back(file.path);
  if (!files.credential_provider_config.empty()) {
    paths.emplace_back(files.credential_provider_config);
  }
  return paths;
}

std::unique_ptr<CredentialChain> make_credential_chain(OwnLogins own, const CredentialFiles& files,
                                                       const Surroundings& around,
                                                       const Clock& clock) {
  std::vector<std::unique_ptr<CredentialSource>> sources;
  sources.push_back(std::make_unique<OwnSource>(std::move(own)));
  for (auto& file : docker_files(files.docker_config, around)) {
    const bool of_the_kubelet = file.path == kubelet_file(around);
    sources.push_back(of_the_kubelet
                          ? node_wide<DockerSource>(std::move(file), around, clock)
                          : std::make_unique<DockerSource>(std::move(file), around, clock));
  }
  for (auto& file : k3s_files(files.k3s_registries, around)) {
    sources.push_back(node_wide<K3sSource>(std::move(file)));
  }
  if (files.credential_provider_config != kNotUsed) {
    std::optional<PluginPlaces> places;
    if (!files.credential_provider_config.empty()) {
      places = PluginPlaces{files.credential_provider_config, files.credential_provider_bin_dir};
    }
    sources.push_back(node_wide<PluginSource>(std::move(places), around, clock));
  }
  return std::make_unique<CredentialChain>(std::move(sources));
}

}  // namespace nodeproof::registry
