// Credentials that are written in files of other programs: docker, podman, kubelet, k3s.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "agent/registry/credential_source.hpp"
#include "agent/registry/docker_config.hpp"
#include "agent/registry/k3s_registries.hpp"
#include "agent/registry/surroundings.hpp"
#include "common/clock.hpp"

namespace nodeproof::registry {

// A file that is read when it is first needed. One that was found out may be absent, or in a folder
// that is closed to us; one that was named may not.
struct WantedFile {
  std::filesystem::path path;
  bool named = false;
};

// A file in docker's format and the helpers that it names. What a helper said is kept for some
// minutes, for it is asked once per repository.
class DockerSource final : public CredentialSource {
 public:
  // The clock outlives it.
  DockerSource(WantedFile file, Surroundings around, const Clock& clock);
  Result<std::optional<Credentials>> find(const Place& place, const std::stop_token& stop) override;
  Result<std::string> describe(const Place& place) override;

 private:
  struct Said {
    std::optional<WrittenLogin> login;
    std::chrono::steady_clock::time_point good_until;
  };
  Result<const DockerConfig*> config();  // nullptr = there is none; under the mutex
  Result<std::optional<Credentials>> helped(const DockerConfig& config, const Place& place,
                                            const std::stop_token& stop);
  Result<std::optional<WrittenLogin>> ask(const Helper& helper, const std::stop_token& stop);

  const WantedFile file_;
  const Surroundings around_;
  const Clock& clock_;
  std::mutex mutex_;
  bool is_read_ = false;
  std::optional<DockerConfig> config_;
  std::map<std::string, Said, std::less<>> said_;  // by helper and server
};

// The `configs` of a registries.yaml.
class K3sSource final : public CredentialSource {
 public:
  explicit K3sSource(WantedFile file) : file_(std::move(file)) {}
  Result<std::optional<Credentials>> find(const Place& place, const std::stop_token& stop) override;
  Result<std::string> describe(const Place& place) override;

 private:
  Result<const WrittenLogin*> login_for(const Place& place);

  const WantedFile file_;
  std::mutex mutex_;
  std::optional<K3sRegistries> registries_;
};

}  // namespace nodeproof::registry
