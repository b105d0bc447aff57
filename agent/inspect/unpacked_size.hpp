// What a layer will take on the snapshotter's file system, by its inventory.
#pragma once

#include <optional>

#include "agent/inspect/inventory_cache.hpp"
#include "agent/model.hpp"

namespace nodeproof::inspect {

// In blocks of 4 KiB, as ext4 and XFS count them. Nothing where the inventory is not complete.
[[nodiscard]] std::optional<UnpackedSize> unpacked_size(const LayerInventory& inventory);

// Of the layers whose inventories are in the cache, which outlives it.
[[nodiscard]] UnpackedSizes make_unpacked_sizes(const InventoryCache& cache);

}  // namespace nodeproof::inspect
