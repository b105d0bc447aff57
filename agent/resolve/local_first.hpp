// A Registry that asks this node's content store before the network: what is here is not fetched
// again.
#pragma once

#include "agent/containerd/image_store.hpp"
#include "agent/registry/registry.hpp"

namespace nodeproof::resolve {

// Tags are the registry's to answer; documents named by digest are taken from the store when they
// are there and hash to their digest. Layers are not asked for through this.
class LocalFirstRegistry final : public Registry {
 public:
  // Both outlive it.
  LocalFirstRegistry(Registry& remote, ImageStore& store) : remote_(remote), store_(store) {}
  LocalFirstRegistry(const LocalFirstRegistry&) = delete;
  LocalFirstRegistry& operator=(const LocalFirstRegistry&) = delete;
  ~LocalFirstRegistry() override = default;

  Result<FetchedManifest> manifest(const Reference& reference, std::stop_token stop) override;
  Result<FetchedManifest> child(const Reference& reference, const Descriptor& child,
                                std::stop_token stop) override;
  Result<> blob(const Reference& reference, const Descriptor& blob, std::uint64_t offset,
                const ByteSink& sink, std::stop_token stop) override;
  // Of what is here the registry's state does not matter; it is asked nevertheless.
  Result<BlobState> probe(const Reference& reference, const Descriptor& blob,
                          std::stop_token stop) override;

 private:
  Registry& remote_;
  ImageStore& store_;
};

}  // namespace nodeproof::resolve
