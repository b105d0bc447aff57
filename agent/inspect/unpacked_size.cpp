#include "agent/inspect/unpacked_size.hpp"

namespace nodeproof::inspect {
namespace {

constexpr std::uint64_t kBlock = 4096;

// A symlink's target is in its inode; the names of a directory's files fill blocks of its own.
std::uint64_t blocks_of(const LayerEntry& entry) {
  switch (entry.type) {
    case EntryType::file:
      return (entry.size + kBlock - 1) / kBlock;
    case EntryType::directory:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

std::optional<UnpackedSize> unpacked_size(const LayerInventory& inventory) {
  if (inventory.problem) return {};
  UnpackedSize size;
  for (const InventoryEntry& each : inventory.entries) {
    size.bytes += blocks_of(each.entry) * kBlock;
    size.files += each.entry.type == EntryType::hard_link ? 0 : 1;
  }
  return size;
}

UnpackedSizes make_unpacked_sizes(const InventoryCache& cache) {
  return [&cache](const Descriptor& layer) -> std::optional<UnpackedSize> {
    const auto inventory = cache.load(layer.digest);
    return inventory ? unpacked_size(*inventory) : std::nullopt;
  };
}

}  // namespace nodeproof::inspect
