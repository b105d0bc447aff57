// The kubelet's credential-provider plugins, asked as the kubelet asks them (KEP-2133).
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/registry/credential_source.hpp"
#include "agent/registry/plugin_config.hpp"
#include "agent/registry/surroundings.hpp"
#include "common/clock.hpp"

namespace nodeproof::registry {

struct PluginPlaces {
  std::filesystem::path config;  // a file or a folder
  std::filesystem::path bin_dir;
  friend bool operator==(const PluginPlaces&, const PluginPlaces&) = default;
};

// From the command line of a running kubelet, else where k3s and RKE2 look by default.
[[nodiscard]] std::optional<PluginPlaces> find_plugins(const Surroundings& around);

class PluginSource final : public CredentialSource {
 public:
  // Without places they are found out when they are first needed. The clock outlives it.
  PluginSource(std::optional<PluginPlaces> places, Surroundings around, const Clock& clock);
  Result<std::optional<Credentials>> find(const Place& place, const std::stop_token& stop) override;
  Result<std::string> describe(const Place& place) override;

 private:
  struct Login {
    std::string pattern, username, password;
  };
  struct Answer {
    std::vector<Login> logins;
    std::string cache_key;  // "" = not to be kept
    std::chrono::nanoseconds lasts{};
  };
  struct Kept {
    std::vector<Login> logins;
    std::chrono::steady_clock::time_point good_until;
  };

  using Said = std::pair<std::string, std::vector<Login>>;  // who, and what

  Result<> load();  // under the mutex
  Result<std::vector<Login>> logins_of(const CredentialPlugin& plugin, const Place& place,
                                       const std::stop_token& stop);
  Result<Answer> ask(const CredentialPlugin& plugin, const Place& place,
                     const std::stop_token& stop) const;
  static std::optional<Credentials> choose(const std::vector<Said>& all, const Place& place);
  static Result<Answer> read_answer(const std::string& text, const CredentialPlugin& plugin,
                                    const Place& place);

  std::optional<PluginPlaces> places_;
  const Surroundings around_;
  const Clock& clock_;
  std::mutex mutex_;
  std::optional<std::vector<CredentialPlugin>> plugins_;
  std::map<std::string, Kept, std::less<>> kept_;  // by plugin and cache key
};

}  // namespace nodeproof::registry
