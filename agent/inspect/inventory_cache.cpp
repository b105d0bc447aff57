#include "agent/inspect/inventory_cache.hpp"

#include "agent/inspect/inventory_text.hpp"
#include "common/file.hpp"
#include "common/log.hpp"

namespace nodeproof::inspect {

namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 30;

bool is_lasting(const LayerInventory& inventory) {
  if (!inventory.problem) return true;
  const Errc code = inventory.problem->code;
  return code == Errc::corrupt || code == Errc::truncated || code == Errc::too_large ||
         code == Errc::unsupported;
}

}  // namespace

InventoryCache::InventoryCache(std::filesystem::path directory)
    : directory_(std::move(directory)) {}

std::filesystem::path InventoryCache::path_of(const Digest& layer) const {
  std::string name = layer.str();
  name.replace(name.find(':'), 1, "-");
  return directory_ / (name + ".v" + std::to_string(kAnalyserVersion));
}

std::filesystem::path InventoryCache::spool_directory() const {
  // When this fails, so does the spool file, which names the directory.
  if (auto made = make_directories(directory_, 0700); !made) log::debug(made.error().message);
  return directory_;
}

bool InventoryCache::contains(const Digest& layer) const {
  {
    const std::lock_guard lock(mutex_);
    const auto found = unsaved_.find(layer);
    if (found != unsaved_.end()) return is_lasting(found->second);
  }
  return load(layer).has_value();
}

Result<LayerInventory> InventoryCache::load(const Digest& layer) const {
  {
    const std::lock_guard lock(mutex_);
    const auto found = unsaved_.find(layer);
    if (found != unsaved_.end()) return found->second;
  }
  const std::string text = TRY(read_file(path_of(layer), kMaxFileBytes));
  auto inventory = parse_inventory(text);
  if (!inventory || inventory->layer != layer) {
    return fail(Errc::not_found, "no usable inventory of layer " + layer.short_str());
  }
  return inventory;
}

void InventoryCache::store(LayerInventory inventory) {
  if (is_lasting(inventory)) {
    auto written = write_file_atomically(path_of(inventory.layer), to_text(inventory), 0600);
    const std::lock_guard lock(mutex_);
    unsaved_.erase(inventory.layer);
    if (written) return;
    log::warning("the inventory of layer " + inventory.layer.short_str() +
                 " is not kept: " + written.error().message);
  }
  const std::lock_guard lock(mutex_);
  const Digest layer = inventory.layer;
  unsaved_.insert_or_assign(layer, std::move(inventory));
}

std::vector<LayerInventory> load_inventories(const InventoryCache& cache,
                                             const Manifest& manifest) {
  std::vector<LayerInventory> inventories;
  inventories.reserve(manifest.layers.size());
  for (const Descriptor& layer : manifest.layers) {
    auto loaded = cache.load(layer.digest);
    if (loaded) {
      inventories.push_back(*std::move(loaded));
      continue;
    }
    inventories.push_back({.layer = layer.digest,
                           .diff_id = std::nullopt,
                           .entries = {},
                           .refused = 0,
                           .first_refused = {},
                           .problem = std::move(loaded).error()});
  }
  return inventories;
}

}  // namespace nodeproof::inspect
