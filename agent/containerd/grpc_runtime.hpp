// The ContainerRuntime of a real containerd: its task service with the runc shim.
#pragma once

#include <memory>

#include "agent/containerd/connection.hpp"
#include "agent/containerd/container_runtime.hpp"

namespace nodeproof::containerd {

// Connects when first used. Empty namespace or snapshotter in the options: as facts() finds them.
class GrpcContainerRuntime final : public ContainerRuntime {
 public:
  explicit GrpcContainerRuntime(ConnectionOptions options);
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
