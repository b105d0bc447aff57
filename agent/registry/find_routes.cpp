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
constexpr std::array kDistributions = {"var/lib/rancher/k3s/agent/etc/containerd/certs.d",
                                       "var/lib/rancher/rke2/agent/etc/containerd/certs.d",
                                       "var/snap/microk8s/current/args/certs.d"};
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

// What containerd is told; a file that it could not read either says nothing.
std::vector<std::string> configured_directories(const fs::path& root) {
  const auto text = read_file(root / kContainerdConfig);
  if (!text) return {};
  const auto document = toml::parse(*text);
  if (!document) return {};
  const json::Value* plugins = document->find("plugins");
  if (plugins == nullptr) return {};
  for (const char* name : kCriPlugins) {
    const json::Value* plugin = plugins->find(name);
    const json::Value* registry = plugin == nullptr ? nullptr : plugin->find("registry");
    if (registry == nullptr) continue;
    const auto list = registry->string_or("config_path", "");
    if (list && !list->empty()) return split_path(*list);
  }
  return {};
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

}  // namespace

RouteFiles find_route_files(const std::string& hosts_dir, const std::string& k3s_registries,
                            const fs::path& root) {
  RouteFiles files;
  if (hosts_dir.empty()) {
    for (const std::string& path : configured_directories(root)) {
      files.hosts_directories.push_back(root / fs::path(path).relative_path());
    }
    if (files.hosts_directories.empty()) {
      for (const char* path : kDefaults) files.hosts_directories.push_back(root / path);
    }
    for (const char* path : kDistributions) files.hosts_directories.push_back(root / path);
  } else if (hosts_dir != "none") {
    files.hosts_directories.emplace_back(hosts_dir);
  }
  if (!k3s_registries.empty()) {
    if (k3s_registries != "none") files.k3s_registries = k3s_registries;
    return files;
  }
  for (const char* path : kRegistriesFiles) {
    if (files.k3s_registries.empty() && is_there(root / path)) files.k3s_registries = root / path;
  }
  return files;
}

}  // namespace nodeproof::registry
