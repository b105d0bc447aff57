// An index may hold an image twice for one platform: with gzip layers for every client, and with
// zstd layers, which are smaller and unpacked in a fraction of the time (podman push
// --add-compression).
#pragma once

#include <stop_token>

#include "agent/model.hpp"
#include "agent/registry/registry.hpp"

namespace nodeproof::resolve {

// The same image by its zstd manifest, where the index has one that unpacks to the very same: the
// config, which lists the diff IDs and is the image's ID, has the same digest. containerd, of which
// every supported version reads zstd, then finds each snapshot of its own choice. Without one, or
// when it cannot be had, the image as it is.
ResolvedImage zstd_twin(Registry& registry, ResolvedImage image, const std::stop_token& stop);

}  // namespace nodeproof::resolve
