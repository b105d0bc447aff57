// The variant that was proven here last, when the registry's tag no longer leads to it.
#pragma once

#include <stop_token>

#include "agent/containerd/image_store.hpp"
#include "agent/model.hpp"
#include "agent/registry/registry.hpp"
#include "agent/resolve/ledger.hpp"

namespace nodeproof::resolve {

// From what this node still has of it, and for the rest from the registry, each document by its
// digest.
struct LastGoodSources {
  Registry& registry;
  ImageStore& store;
  const Ledger& ledger;
};
Result<ResolvedImage> resolve_last_good(const ProvenImage& proven, const Reference& reference,
                                        const LastGoodSources& sources,
                                        const std::stop_token& stop);

// Whether the registry still delivers the variant by its digest: its manifest, hashed, and the last
// byte of each blob. Errc::corrupt names what it no longer has; any other error: not known.
Result<> still_delivered(Registry& registry, const ResolvedImage& image,
                         const std::stop_token& stop);

}  // namespace nodeproof::resolve
