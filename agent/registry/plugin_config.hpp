// The kubelet's CredentialProviderConfig: which plugin knows the logins of which images.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/registry/keychain.hpp"

namespace nodeproof::registry {

struct CredentialPlugin {
  std::string name;  // of the program, without a path
  std::vector<std::string> match_images;
  std::chrono::nanoseconds default_cache_duration{};
  std::string api_version;  // "credentialprovider.kubelet.k8s.io/v1"
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;
  // It wants the token of a pod's service account, which a node does not have.
  bool needs_service_account = false;

  [[nodiscard]] bool serves(const Place& place) const;
  friend bool operator==(const CredentialPlugin&, const CredentialPlugin&) = default;
};

// YAML or JSON of kubelet.config.k8s.io/v1, v1beta1 and v1alpha1. Unknown keys are left alone.
// Errc::invalid_config with the file.
Result<std::vector<CredentialPlugin>> parse_plugin_config(std::string_view text,
                                                          const std::string& file);

// Of a file, or of a folder's *.json, *.yaml and *.yml in name order.
Result<std::vector<CredentialPlugin>> read_plugin_config(const std::filesystem::path& path);

// As Go writes durations: "12h", "1h30m0.5s", "0". Errc::invalid_document.
Result<std::chrono::nanoseconds> parse_go_duration(std::string_view text);

}  // namespace nodeproof::registry
