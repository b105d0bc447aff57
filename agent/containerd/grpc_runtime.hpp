// The ContainerRuntime of a real containerd: its task service with the runc shim.
#pragma once

#include <memory>

#include "agent/containerd/connection.hpp"
#include "agent/containerd/container_runtime.hpp"

namespace nodeproof::containerd {

// Connects when first used. Without known facts, empty namespace or snapshotter in the options are
// what facts() finds.
class GrpcContainerRuntime final : public ContainerRuntime {
 public:
  explicit GrpcContainerRuntime(ConnectionOptions options);
  // With known facts containerd is not asked for them again.
  GrpcContainerRuntime(ConnectionOptions options, const ContainerdFacts& known);
  ~GrpcContainerRuntime() override;
  GrpcContainerRuntime(const GrpcContainerRuntime&) = delete;
  GrpcContainerRuntime& operator=(const GrpcContainerRuntime&) = delete;

  Result<ContainerdFacts> facts(std::stop_token stop) override;
  Result<ContainerExit> run(const ContainerRequest& request, std::stop_token stop) override;
  Result<unsigned> sweep(std::stop_token stop) override;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace nodeproof::containerd
