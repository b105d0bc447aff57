#include <array>
#include <system_error>

#include "agent/registry/plugin_source.hpp"
#include "common/node_service.hpp"

namespace nodeproof::registry {
namespace {

constexpr std::array<std::string_view, 4> kKubelets{"kubelet", "kubelite", "k3s", "rke2"};
constexpr std::string_view kConfigFlag = "--image-credential-provider-config";
constexpr std::string_view kBinFlag = "--image-credential-provider-bin-dir";
constexpr std::string_view kK3sFolder = "var/lib/rancher/credentialprovider";

}  // namespace

std::optional<PluginPlaces> find_plugins(const Surroundings& around) {
  if (const auto kubelet = find_service(around.root, kKubelets, around.is_root)) {
    const std::string config = kubelet->value_of(kConfigFlag);
    const std::string bin_dir = kubelet->value_of(kBinFlag);
    if (config.starts_with('/') && bin_dir.starts_with('/')) return PluginPlaces{config, bin_dir};
  }
  PluginPlaces k3s{around.root / kK3sFolder / "config.yaml", around.root / kK3sFolder / "bin"};
  std::error_code problem;
  if (std::filesystem::exists(k3s.config, problem)) return k3s;
  return {};
}

}  // namespace nodeproof::registry
