#include "agent/cli/wiring.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "agent/config/credential.hpp"
#include "agent/containerd/find_containerd.hpp"
#include "common/file.hpp"

namespace nodeproof::cli {
namespace {

constexpr std::size_t kMaxPasswordBytes = 64 << 10;

Result<std::string> read_password(const std::string& file) {
  if (file.empty()) return std::string();
  auto text = read_file(file, kMaxPasswordBytes);
  if (!text) return fail(Errc::invalid_config, "password_file: " + text.error().message);
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  return text;
}

registry::Settings registry_settings(const config::Config& config) {
  registry::Settings settings;
  for (const auto& [host, from] : config.registries) {
    registry::HostSettings to;
    if (from.plain_http) to.plain_http = true;
    to.tls = {.ca_file = from.ca,
              .client_certificate = from.client_certificate,
              .client_key = from.client_key};
    to.mirrors = from.mirrors;
    to.proxy = from.proxy;
    settings.emplace(host, std::move(to));
  }
  return settings;
}

Result<registry::Credentials> own_login(const std::string& host, const config::Registry& from) {
  TRY(config::check_credentials(host, from));
  auto password = read_password(from.password_file);
  if (!password) {
    return std::unexpected(std::move(password).error().with_context("registry " + host));
  }
  registry::Credentials login;
  login.username = from.username;
  login.password = *std::move(password);
  login.source = "the configuration";
  return login;
}

registry::OwnLogins own_logins(const config::Config& config) {
  registry::OwnLogins own;
  for (const auto& [host, from] : config.registries) {
    if (!from.username.empty() || !config::check_credentials(host, from)) {
      own.emplace(host, own_login(host, from));
    }
  }
  return own;
}

registry::CredentialFiles credential_files(const config::RegistrySources& from) {
  return {.k3s_registries = from.k3s_registries,
          .docker_config = from.docker_config,
          .credential_provider_config = from.credential_provider_config,
          .credential_provider_bin_dir = from.credential_provider_bin_dir};
}

containerd::ConnectionOptions connection(const ContainerdFacts& facts) {
  return {.socket = facts.socket, .namespace_ = facts.namespace_, .snapshotter = facts.snapshotter};
}

}  // namespace

registry::RouteFiles route_files(const config::Config& config) {
  const config::RegistrySources& from = config.registry_sources;
  return registry::find_route_files(
      {from.hosts_dir, from.k3s_registries, config.containerd.address}, "/");
}

std::vector<std::filesystem::path> login_files(const config::Config& config) {
  return registry::login_files(credential_files(config.registry_sources),
                               registry::Surroundings::of_this_process());
}

std::unique_ptr<registry::CredentialChain> open_keychain(const config::Config& config,
                                                         const Clock& clock,
                                                         const registry::PodLogins& pods) {
  auto chain =
      registry::make_credential_chain(own_logins(config), credential_files(config.registry_sources),
                                      registry::Surroundings::of_this_process(), clock);
  if (pods.empty()) return chain;
  chain->put_second(std::make_unique<registry::PodSource>(pod_logins_of(pods, false)));
  chain->put_last(std::make_unique<registry::PodSource>(pod_logins_of(pods, true)));
  return chain;
}

std::unique_ptr<registry::Routes> open_routes(const config::Config& config) {
  return std::make_unique<registry::Routes>(registry_settings(config), route_files(config));
}

RegistryAccess::RegistryAccess(const config::Config& config,
                               std::unique_ptr<registry::CredentialChain> keychain)
    : keychain_(std::move(keychain)),
      access_({http_, clock_, *keychain_}, registry_settings(config), route_files(config)),
      registry_(access_, clock_),
      origin_(access_, clock_, registry::Routing::registry_only),
      writer_(access_, origin_) {}

std::unique_ptr<RegistryAccess> RegistryAccess::open(const config::Config& config,
                                                     const registry::PodLogins& pods) {
  static const SystemClock kClock;
  auto keychain = open_keychain(config, kClock, pods);
  return std::unique_ptr<RegistryAccess>(new RegistryAccess(config, std::move(keychain)));
}

ContainerdAccess::ContainerdAccess(ContainerdFacts facts, std::stop_token stop)
    : facts_(std::move(facts)),
      store_(connection(facts_), std::move(stop)),
      runtime_(connection(facts_), facts_),
      chains_(connection(facts_)) {}

Result<std::unique_ptr<ContainerdAccess>> ContainerdAccess::open(const config::Config& config,
                                                                 std::stop_token stop) {
  const config::Containerd& wanted = config.containerd;
  ContainerdFacts facts = TRY(
      containerd::find_containerd({wanted.address, wanted.namespace_, wanted.snapshotter}, stop));
  return std::unique_ptr<ContainerdAccess>(new ContainerdAccess(std::move(facts), std::move(stop)));
}

Result<std::vector<std::unique_ptr<ContainerdAccess>>> ContainerdAccess::open_every(
    const containerd::ContainerdChoice& choice, const std::stop_token& stop) {
  std::vector<std::unique_ptr<ContainerdAccess>> all;
  for (ContainerdFacts& facts : TRY(containerd::every_namespace(choice, stop))) {
    all.push_back(std::unique_ptr<ContainerdAccess>(new ContainerdAccess(std::move(facts), stop)));
  }
  return all;
}

Result<std::filesystem::path> own_binary() {
  std::array<char, 4096> path{};
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (length <= 0) return fail_errno(errno, "/proc/self/exe");
  return std::filesystem::path(std::string(path.data(), static_cast<std::size_t>(length)));
}

}  // namespace nodeproof::cli
