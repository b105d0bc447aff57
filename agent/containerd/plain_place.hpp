// Which of a snapshotter's mounts are plain directories that a process may write itself. Pure but
// for check_empty().
#pragma once

#include <string>
#include <vector>

#include "agent/containerd/image_store.hpp"

namespace nodeproof::containerd {

// As containerd.types.Mount.
struct PlainMount {
  std::string type, source;
  std::vector<std::string> options;
};

// A bind mount, or overlayfs with the options that containerd's snapshotter gives of itself.
// Errc::unsupported: anything else, by name.
Result<SnapshotPlace> plain_place(std::string key, const std::vector<PlainMount>& mounts);

// A fresh snapshot's: an empty directory that belongs to root as this process sees it.
// Errc::unsupported: it is another, or not to be seen, or its owner is mapped.
Result<> check_empty(const std::string& directory);

}  // namespace nodeproof::containerd
