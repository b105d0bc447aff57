// A Registry that asks this node's content store before the network: what is here is not fetched
// again.
#pragma once

#include <optional>
#include <utility>

#include "agent/containerd/image_store.hpp"
#include "agent/registry/registry.hpp"

namespace nodeproof::resolve {

// Tags are the registry's to answer; documents named by digest are taken from the store when they
// are there and hash to their digest. Layers are not asked for through this.
class LocalFirstRegistry final : public Registry {
 public:
  // Both outlive it. With `top`, that is what every tag names: the choice among its entries is made
  // again without a question.
  LocalFirstRegistry(Registry& remote, ImageStore& store, std::optional<FetchedManifest> top = {})
      : remote_(remote), store_(store), top_(std::move(top)) {}
  LocalFirstRegistry(const LocalFirstRegistry&) = delete;
  LocalFirstRegistry& operator=(const LocalFirstRegistry&) = delete;
  ~LocalFirstRegistry() override = default;

  Result<FetchedManifest> manifest(const Reference& reference, std::stop_token stop) override;
  Result<FetchedManifest> child(const Reference& reference, const Descriptor& child,
                                std::stop_token stop) override;
  Result<> blob(const Reference& reference, const Descriptor& blob, std::uint64_t offset,
                const ByteSink& sink, std::stop_token stop) override;
  void distrust(const Digest& blob) override { remote_.distrust(blob); }
  // Of what is here the registry's state does not matter; it is asked nevertheless.
  Result<BlobState> probe(const Reference& reference, const Descriptor& blob,
                          std::stop_token stop) override;
  Result<std::optional<Digest>> ask_digest(const Reference& tag, std::stop_token stop) override {
    return remote_.ask_digest(tag, std::move(stop));
  }
  [[nodiscard]] std::optional<RateLimit> rate_limit(const Reference& reference) const override {
    return remote_.rate_limit(reference);
  }

 private:
  Registry& remote_;
  ImageStore& store_;
  std::optional<FetchedManifest> top_;
};

}  // namespace nodeproof::resolve
