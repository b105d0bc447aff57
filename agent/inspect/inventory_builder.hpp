// Takes the inventory of one layer from its compressed stream.
#pragma once

#include <filesystem>

#include "agent/inspect/inventory.hpp"

namespace nodeproof::inspect {

struct AnalyserLimits {
  // ELF files and archives up to here are analysed in memory, up to the next in a spool file;
  // beyond, ELF files by their header and archives not at all.
  std::uint64_t held = std::uint64_t{1} << 20;
  std::uint64_t spooled = std::uint64_t{256} << 20;
  std::uint64_t kept_content = std::uint64_t{64} << 10;
  std::uint64_t inventory = std::uint64_t{256}
                            << 20;  // bytes in memory, a hostile layer must not take all
  LayerLimits layer;
};

struct AnalyserOptions {
  std::filesystem::path spool_directory;  // must exist when a large file of these comes
  PlainSink* plain = nullptr;             // who else wants the layer, now that it is inflated
  AnalyserLimits limits = {};
};

// Never fails: what goes wrong is the inventory's problem.
LayerInventory take_inventory(const Digest& layer, ByteReader& compressed,
                              const AnalyserOptions& options);

}  // namespace nodeproof::inspect
