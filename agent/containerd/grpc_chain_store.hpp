// The ChainStore of a real containerd.
#pragma once

#include <memory>

#include "agent/containerd/chain_store.hpp"
#include "agent/containerd/connection.hpp"

namespace nodeproof::containerd {

// Connects when first used.
class GrpcChainStore final : public ChainStore {
 public:
  explicit GrpcChainStore(ConnectionOptions options);
  ~GrpcChainStore() override;
  GrpcChainStore(const GrpcChainStore&) = delete;
  GrpcChainStore& operator=(const GrpcChainStore&) = delete;

  Result<std::vector<SnapshotFacts>> snapshots(std::stop_token stop) override;
  Result<std::vector<ContainerFacts>> containers(std::stop_token stop) override;
  Result<std::vector<ImageRecord>> all_images(std::stop_token stop) override;
  Result<> remove_snapshot(const std::string& name) override;
  Result<> remove_blob(const Digest& digest) override;
  Result<> collect_garbage() override;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace nodeproof::containerd
