#include <array>
#include <system_error>

#include "agent/registry/routes.hpp"
#include "common/file.hpp"
#include "common/toml.hpp"

namespace nodeproof::registry {
namespace {

namespace fs = std::filesystem;

constexpr const char* kContainerdConfig = "etc/containerd/config.toml";
constexpr std::array kCriPlugins = {"io.containerd.grpc.v1.cri",     // containerd 1
                                    "io.containerd.cri.v1.images"};  // containerd 2
constexpr std::array kDefaults = {"etc/containerd/certs.d", "etc/docker/certs.d"};
enum class Home { system, rancher, microk8s };  // whose containerd
constexpr std::array kSockets = {"run/containerd/containerd.sock",
                                 "run/k3s/containerd/containerd.sock",
                                 "var/snap/microk8s/common/run/containerd.sock"};  // by Home
constexpr std::array<std::pair<Home, const char*>, 3> kDistributions = {
    {{Home::rancher, "var/lib/rancher/k3s/agent/etc/containerd/certs.d"},
     {Home::rancher, "var/lib/rancher/rke2/agent/etc/containerd/certs.d"},
     {Home::microk8s, "var/snap/microk8s/current/args/certs.d"}}};
constexpr std::array kRegistriesFiles = {"etc/rancher/k3s/registries.yaml",
                                         "etc/rancher/rke2/registries.yaml"};

std::vector<std::string> split_path(const std::string& list) {
  std::vector<std::string> paths;
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t end = std::min(list.find(':', at), list.size());
    if (end > at) paths.push_back(list.substr(at, end - at));
    at = end + 1;
  }
  return paths;
}

// What containerd is told.
Result<std::vector<std::string>> configured_directories(const fs::path& root) {
  const auto text = read_file(root / kContainerdConfig);
  if (!text && text.error().code == Errc::not_found) return std::vector<std::string>{};
  const auto document = text ? toml::parse(*text) : std::unexpected(text.error());
  if (!document) {
    return fail(Errc::invalid_config,
                (root / kContainerdConfig).string() + ": " + document.error().message,
                "mend it, or name the directory of containerd's hosts.toml files as "
                "registry_sources.hosts_dir");
  }
  std::vector<std::string> none;
  const json::Value* plugins = document->find("plugins");
  if (plugins == nullptr) return none;
  for (const char* name : kCriPlugins) {
    const json::Value* plugin = plugins->find(name);
    const json::Value* registry = plugin == nullptr ? nullptr : plugin->find("registry");
    if (registry == nullptr) continue;
    const auto list = registry->string_or("config_path", "");
    if (list && !list->empty()) return split_path(*list);
  }
  return none;
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// Nothing = another one, several or none.
std::optional<Home> home_of(const std::string& socket, const fs::path& root) {
  std::optional<Home> found;
  for (const Home home : {Home::system, Home::rancher, Home::microk8s}) {
    const fs::path usual = kSockets[static_cast<std::size_t>(home)];
    if (!socket.empty()) {
      if (socket == "/" / usual) return home;
      continue;
    }
    if (!is_there(root / usual)) continue;
    if (found) return std::nullopt;
    found = home;
  }
  return found;
}

void add_system_directories(const fs::path& root, RouteFiles& files) {
  const auto configured = configured_directories(root);
  if (!configured) files.doubt = configured.error();
  for (const std::string& path : configured.value_or(std::vector<std::string>{})) {
    files.hosts_directories.push_back(root / fs::path(path).relative_path());
  }
  if (!files.hosts_directories.empty()) return;
  for (const char* path : kDefaults) files.hosts_directories.push_back(root / path);
}

}  // namespace

RouteFiles find_route_files(const RouteSearch& wanted, const fs::path& root) {
  RouteFiles files;
  const auto home = home_of(wanted.socket, root);
  if (wanted.hosts_dir.empty()) {
    if (!home || home == Home::system) add_system_directories(root, files);
    for (const auto& [owner, path] : kDistributions) {
      if (!home || home == owner) files.hosts_directories.push_back(root / path);
    }
  } else if (wanted.hosts_dir != "none") {
    files.hosts_directories.emplace_back(wanted.hosts_dir);
  }
  if (!wanted.k3s_registries.empty()) {
    if (wanted.k3s_registries != "none") files.k3s_registries = wanted.k3s_registries;
    return files;
  }
  for (const char* path : kRegistriesFiles) {
    const bool another = home && home != Home::rancher;
    if (another || !files.k3s_registries.empty() || !is_there(root / path)) continue;
    files.k3s_registries = root / path;
  }
  return files;
}

}  // namespace nodeproof::registry
