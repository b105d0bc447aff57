// Is it right? A pure function of the layers' inventories, the image's documents and the host's
// facts, so that the same verdict can be had elsewhere, from a saved HostFacts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/inspect/inventory.hpp"
#include "agent/model.hpp"

namespace nodeproof::inspect {

struct InspectInput {
  const ResolvedImage& image;
  const std::vector<LayerInventory>&
      inventories;  // one per layer, bottom first: load_inventories()
  const HostFacts& host;
  Emulation emulation = Emulation::refuse;
  const std::vector<SmokeTest>& tests;
  bool will_run = true;  // false: for another host, where nothing shows what the bytes leave open
};

// A file that a start of the image needs; what is unpacked must be this.
struct NeededFile {
  std::string path;        // absolute in the image, free of symbolic links
  std::uint64_t size = 0;  // bytes
  std::string hash;        // a ContentHash in hex
  friend bool operator==(const NeededFile&, const NeededFile&) = default;
};

// By path: uid and gid of the directories that the image declares as volumes.
using VolumeOwners = std::map<std::string, std::pair<std::uint64_t, std::uint64_t>>;

struct InspectResult {
  std::vector<Finding> findings;
  std::vector<NeededFile> files;   // programs, script interpreters, loaders, libraries
  std::string program;             // the ELF file the entrypoint ends in, absolute; "" = not found
  std::string loader;              // its PT_INTERP as written; "" = static, or no program
  bool entrypoint_static = false;  // there is a program, and it has no PT_INTERP
  VolumeOwners volumes = {};
};

[[nodiscard]] InspectResult inspect(const InspectInput& input);

}  // namespace nodeproof::inspect
