// Who knows the login of a registry, in this order:
//   1. nodeproof's own configuration (registries.HOST.username and password_file)
//   2. the imagePullSecrets of the pods that need the image (images_from.pods, daemonsets); of an
//      image that the configuration names they are asked behind all others
//   3. docker's config.json, the kubelet's copy of it and podman's auth.json, their helpers
//   included
//   4. the registries.yaml of k3s and RKE2
//   5. the kubelet's credential-provider plugins
//   6. nobody: anonymous
// The first one that has an entry for the place decides. One that has an entry and cannot give it
// is an error that names it: anonymous would be a guess.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/registry/credential_source.hpp"
#include "agent/registry/surroundings.hpp"
#include "common/clock.hpp"

namespace nodeproof::registry {

// registry_sources of the configuration: "" = found out, "none" = not used.
struct CredentialFiles {
  std::string k3s_registries = {}, docker_config = {};
  std::string credential_provider_config = {}, credential_provider_bin_dir = {};
};

// The configuration's own logins by host, passwords already read; an error where one could not be
// had, which concerns that host alone.
using OwnLogins = std::map<std::string, Result<Credentials>, std::less<>>;

class CredentialChain final : public Keychain {
 public:
  explicit CredentialChain(std::vector<std::unique_ptr<CredentialSource>> sources);
  // Errc::unauthorized or cancelled.
  Result<Credentials> find(const Place& place, const std::stop_token& stop) override;
  // Asked behind the first one, nodeproof's own configuration.
  void put_second(std::unique_ptr<CredentialSource> source);
  // Asked when nobody else knows.
  void put_last(std::unique_ptr<CredentialSource> source);
  // Who would be asked first, for people: a file or a program; "" = nobody. Starts no program.
  Result<std::string> describe(const Place& place);

 private:
  std::vector<std::unique_ptr<CredentialSource>> sources_;
};

// The files that may hold logins, there or not.
[[nodiscard]] std::vector<std::filesystem::path> login_files(const CredentialFiles& files,
                                                             const Surroundings& around);

// All of the above. Nothing is read before it is needed. The clock outlives the chain.
std::unique_ptr<CredentialChain> make_credential_chain(OwnLogins own, const CredentialFiles& files,
                                                       const Surroundings& around,
                                                       const Clock& clock);

}  // namespace nodeproof::registry
