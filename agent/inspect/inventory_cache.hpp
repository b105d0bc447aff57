// Inventories on disk, one file per layer digest and analyser version. Safe to use from several
// threads.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>

#include "agent/inspect/inventory.hpp"
#include "common/oci.hpp"

namespace nodeproof::inspect {

class InventoryCache {
 public:
  // The directory (<state>/scan) is made when first written to.
  explicit InventoryCache(std::filesystem::path directory);

  // Complete, or incomplete for good (the layer's own bytes are at fault): reading it again tells
  // nothing new.
  [[nodiscard]] bool contains(const Digest& layer) const;
  // A file that is torn, altered or of another version counts as absent (Errc::not_found).
  [[nodiscard]] Result<LayerInventory> load(const Digest& layer) const;
  // Keeps it in memory for this run when the disk does not take it or it is incomplete for a
  // passing reason.
  void store(LayerInventory inventory);

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
  // Where large ELF files are spooled; made when absent.
  [[nodiscard]] std::filesystem::path spool_directory() const;

 private:
  [[nodiscard]] std::filesystem::path path_of(const Digest& layer) const;

  std::filesystem::path directory_;
  mutable std::mutex mutex_;
  std::map<Digest, LayerInventory> unsaved_;
};

// One inventory per layer, bottom first; one that is not there says so in its problem.
[[nodiscard]] std::vector<LayerInventory> load_inventories(const InventoryCache& cache,
                                                           const Manifest& manifest);

}  // namespace nodeproof::inspect
