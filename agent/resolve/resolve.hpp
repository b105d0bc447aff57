// From an image reference to the one manifest this host's containerd takes, every document hashed
// on the way.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "agent/containerd/image_store.hpp"
#include "agent/model.hpp"
#include "agent/registry/registry.hpp"
#include "agent/resolve/ledger.hpp"

namespace nodeproof::resolve {

// Asks the registry. Errors keep the registry's code, except:
// no_matching_platform: the index holds nothing for this host; the message lists what there is;
// corrupt: the index is there but names a manifest or config the registry no longer has.
Result<ResolvedImage> resolve(Registry& registry, const Reference& reference, const HostFacts& host,
                              std::stop_token stop);

// Gives a document's bytes; checks its size and digest.
using DocumentReader = std::function<Result<std::string>(const Descriptor& document)>;

// From containerd's content store.
Result<std::string> stored_document(ImageStore& store, const Descriptor& document,
                                    const std::stop_token& stop);

// What was proven before, from its documents.
Result<ResolvedImage> rebuild(const ProvenImage& proven, const Reference& reference,
                              const DocumentReader& read);

// The same from containerd's content store alone, for an image that was proven here before.
Result<ResolvedImage> resolve_offline(const ProvenImage& proven, const Reference& reference,
                                      ImageStore& store, const std::stop_token& stop);

}  // namespace nodeproof::resolve
