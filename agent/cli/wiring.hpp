// The only place where adapters are made: from a config to the ports of a cycle.
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>

#include "agent/cli/command.hpp"
#include "agent/containerd/grpc_image_store.hpp"
#include "agent/containerd/grpc_runtime.hpp"
#include "agent/registry/http_registry.hpp"
#include "agent/registry/http_registry_writer.hpp"
#include "common/clock.hpp"
#include "common/http_curl.hpp"

namespace nodeproof::cli {

// What talks to registries.
class RegistryAccess {
 public:
  static Result<std::unique_ptr<RegistryAccess>> open(const config::Config& config);
  [[nodiscard]] Registry& registry() { return registry_; }
  [[nodiscard]] RegistryWriter& writer() { return writer_; }

 private:
  explicit RegistryAccess(const registry::Settings& settings);
  SystemClock clock_;
  CurlHttpClient http_;
  registry::HttpRegistry registry_;
  registry::HttpRegistryWriter writer_;
};

// What talks to this node's containerd.
class ContainerdAccess {
 public:
  // Errc::runtime_unavailable, permission_denied, or invalid_config when two daemons answer.
  static Result<std::unique_ptr<ContainerdAccess>> open(const config::Config& config,
                                                        std::stop_token stop);
  [[nodiscard]] const ContainerdFacts& facts() const { return facts_; }
  [[nodiscard]] ImageStore& store() { return store_; }
  [[nodiscard]] ContainerRuntime& runtime() { return runtime_; }

 private:
  ContainerdAccess(ContainerdFacts facts, std::stop_token stop);
  ContainerdFacts facts_;
  containerd::GrpcImageStore store_;
  containerd::GrpcContainerRuntime runtime_;
};

// Where this program lies, for the smoke containers' bind mount.
Result<std::filesystem::path> own_binary();

}  // namespace nodeproof::cli
