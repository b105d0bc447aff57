// The labels by which containerd's garbage collector and its clients know how blobs hang together.
#pragma once

#include <string>

#include "agent/containerd/image_store.hpp"
#include "agent/model.hpp"

namespace nodeproof::prepull {

// containerd.io/distribution.source.<registry host>=<repository>: where the blob can be had, for
// mirrors and pushes.
Labels source_label(const Reference& reference);
// A blob known from several repositories of a registry names them all, sorted.
[[nodiscard]] std::string merged_sources(const std::string& existing,
                                         const std::string& repository);

Labels config_labels(const std::string& snapshotter, const Digest& top_chain_id);
Labels manifest_labels(const Manifest& manifest);
Labels index_labels(const Index& index);

// Those of `wanted` that are not in `existing`, source labels merged; empty = nothing to write.
[[nodiscard]] Labels missing_labels(const Labels& existing, const Labels& wanted);

}  // namespace nodeproof::prepull
