// Which directories may be written at all: those of containerd's snapshots. What asks for one reads
// the network; a path it names is not believed.
#pragma once

#include <string>

#include "common/file.hpp"

namespace nodeproof::unpack {

struct Snapshot {
  UniqueFd parent;     // O_PATH
  std::string name;    // of the directory in its parent
  UniqueFd directory;  // O_PATH
  std::string root;    // the snapshotter's, without links
  bool overlay = false;
};

// <dir>/io.containerd.snapshotter.v1.overlayfs/snapshots/<number>/fs, or
// <dir>/io.containerd.snapshotter.v1.native/snapshots/<number>; containerd 1.6 to 2.x. The
// snapshotter's root may be reached through links, below it there is none; root owns all of it.
// Errc::unsupported for another path, with the reason.
[[nodiscard]] Result<Snapshot> open_snapshot(const std::string& path);

}  // namespace nodeproof::unpack
