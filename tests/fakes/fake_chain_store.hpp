// The snapshots and blobs of a FakeImageStore, with the containers that are made from them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/containerd/chain_store.hpp"
#include "tests/fakes/fake_image_store.hpp"

namespace nodeproof {

// Its operations are among the store's: they are logged there, fail and end a life there.
class FakeChainStore final : public ChainStore {
 public:
  explicit FakeChainStore(FakeImageStore& store) : store_(store) {}  // outlives it

  void add_container(ContainerFacts container, const Digest& chain_id);  // and its snapshot
  void remove_containers();
  // It counts a child that the garbage collector has taken away.
  void miscount(const Digest& chain_id);

  Result<std::vector<SnapshotFacts>> snapshots(std::stop_token stop) override;
  Result<std::vector<ContainerFacts>> containers(std::stop_token stop) override;
  Result<std::vector<ImageRecord>> all_images(std::stop_token stop) override;
  Result<> remove_snapshot(const std::string& name) override;
  Result<> remove_blob(const Digest& digest) override;
  Result<> collect_garbage() override;

 private:
  FakeImageStore& store_;
  std::vector<ContainerFacts> containers_;
  std::map<std::string, std::string> active_;  // the containers' snapshots -> parent
  std::set<std::string> miscounting_;
};

}  // namespace nodeproof
