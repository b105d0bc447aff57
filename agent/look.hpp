// Is what the last cycle found proven still in containerd? A glance of a few calls, made every
// minute: it reads no layer and writes nothing to disk.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/containerd/image_store.hpp"
#include "agent/cycle.hpp"

namespace nodeproof {

struct LookedFor {
  std::string name;                // of the record
  std::vector<std::string> named;  // digests, one of which it has to name
  Digest rootfs;                   // the uppermost chain ID
  friend bool operator==(const LookedFor&, const LookedFor&) = default;
};

struct LookList {
  std::string socket, namespace_, snapshotter;  // of the containerd that was asked
  std::vector<LookedFor> images;
  std::string found = {};  // fingerprint() of what other places required; "" = nothing to look at
  friend bool operator==(const LookList&, const LookList&) = default;
};

// What this report says is ready; nothing where no containerd was asked.
[[nodiscard]] LookList look_list(const CycleConfig& config, const NodeReport& report);

// <run>/look.json, in memory. It is written when it changed; one that cannot be read is empty.
Result<> save_look(const std::filesystem::path& run_dir, const LookList& list);
[[nodiscard]] LookList load_look(const std::filesystem::path& run_dir);
[[nodiscard]] std::filesystem::path look_file(const std::filesystem::path& run_dir);

// One sentence that says what is gone or is other bytes now; "" = all is there. Errors are
// containerd's.
Result<std::string> changed_since(const LookList& list, ImageStore& store);

}  // namespace nodeproof
