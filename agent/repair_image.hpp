// Which image a name stands for on this node, by what is here: no registry is asked what the tag
// names.
#pragma once

#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/containerd/chain_store.hpp"
#include "agent/cycle.hpp"
#include "agent/model.hpp"

namespace nodeproof {

// What was proven under this name, or else what its image record names. Documents that are damaged
// here come from the registry, by their digests. Errc::not_found: there is no such image here.
Result<ResolvedImage> image_here(const CycleConfig& config, const HostFacts& host, Ports& ports,
                                 const Reference& reference, const std::stop_token& stop);

// The images with one of these chain IDs, other than `image`. Only what containerd has is looked
// at: an image whose documents are not here has no layer unpacked either.
Result<std::vector<ResolvedImage>> images_sharing(const std::set<std::string>& chain,
                                                  const ResolvedImage& image, const HostFacts& host,
                                                  std::pair<ImageStore&, ChainStore&> stores,
                                                  const std::stop_token& stop);

}  // namespace nodeproof
