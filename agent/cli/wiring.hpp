// The only place where adapters are made: from a config to the ports of a cycle.
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>

#include "agent/cli/command.hpp"
#include "agent/containerd/find_containerd.hpp"
#include "agent/containerd/grpc_chain_store.hpp"
#include "agent/containerd/grpc_image_store.hpp"
#include "agent/containerd/grpc_runtime.hpp"
#include "agent/registry/credential_chain.hpp"
#include "agent/registry/http_registry.hpp"
#include "agent/registry/http_registry_writer.hpp"
#include "agent/registry/pod_logins.hpp"
#include "common/clock.hpp"
#include "common/http_curl.hpp"

namespace nodeproof::cli {

// Who knows which registry's login. Passwords of the configuration are read at once. The clock
// outlives it.
std::unique_ptr<registry::CredentialChain> open_keychain(const config::Config& config,
                                                         const Clock& clock,
                                                         const registry::PodLogins& pods = {});

// The files of other programs that may hold logins, there or not.
[[nodiscard]] std::vector<std::filesystem::path> login_files(const config::Config& config);

// Where containerd's hosts.toml and k3s' registries.yaml are looked for.
[[nodiscard]] registry::RouteFiles route_files(const config::Config& config);

// From a reference to the hosts that are asked.
[[nodiscard]] std::unique_ptr<registry::Routes> open_routes(const config::Config& config);

// What talks to registries.
class RegistryAccess {
 public:
  static std::unique_ptr<RegistryAccess> open(const config::Config& config,
                                              const registry::PodLogins& pods = {});
  // As containerd asks: mirrors first.
  [[nodiscard]] Registry& registry() { return registry_; }
  // What the registry itself holds, to judge or to change it.
  [[nodiscard]] Registry& origin() { return origin_; }
  [[nodiscard]] RegistryWriter& writer() { return writer_; }

 private:
  RegistryAccess(const config::Config& config, std::unique_ptr<registry::CredentialChain> keychain);
  SystemClock clock_;
  CurlHttpClient http_;
  std::unique_ptr<registry::CredentialChain> keychain_;
  registry::Access access_;
  registry::HttpRegistry registry_, origin_;
  registry::HttpRegistryWriter writer_;
};

// What talks to this node's containerd.
class ContainerdAccess {
 public:
  // Errc::runtime_unavailable, permission_denied, or invalid_config when two daemons answer.
  static Result<std::unique_ptr<ContainerdAccess>> open(const config::Config& config,
                                                        std::stop_token stop);
  // Each namespace of it, and of each containerd that answers where none was chosen.
  static Result<std::vector<std::unique_ptr<ContainerdAccess>>> open_every(
      const containerd::ContainerdChoice& choice, const std::stop_token& stop);
  [[nodiscard]] const ContainerdFacts& facts() const { return facts_; }
  [[nodiscard]] ImageStore& store() { return store_; }
  [[nodiscard]] ContainerRuntime& runtime() { return runtime_; }
  [[nodiscard]] ChainStore& chains() { return chains_; }

 private:
  ContainerdAccess(ContainerdFacts facts, std::stop_token stop);
  ContainerdFacts facts_;
  containerd::GrpcImageStore store_;
  containerd::GrpcContainerRuntime runtime_;
  containerd::GrpcChainStore chains_;
};

// Where this program lies, for the smoke containers' bind mount.
Result<std::filesystem::path> own_binary();

}  // namespace nodeproof::cli
