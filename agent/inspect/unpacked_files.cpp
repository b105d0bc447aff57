#include "agent/inspect/unpacked_files.hpp"

#include <set>

#include "agent/inspect/merged_view.hpp"

namespace nodeproof::inspect {

Result<> each_unpacked_file(std::span<const LayerInventory> layers, const UnpackedFileSink& sink) {
  for (const LayerInventory& layer : layers) {
    if (!layer.problem && layer.refused == 0) continue;
    return fail(Errc::unsupported,
                "what layer " + layer.layer.str() + " brings is not wholly known" +
                    (layer.problem ? ": " + layer.problem->message : std::string()));
  }
  const MergedView view(layers);
  if (!view.complete()) return fail(Errc::unsupported, "it names too many directories");
  std::set<const InventoryEntry*> linked;  // files with several names are hashed once
  for (const auto& [path, node] : view.nodes()) {
    if (node.type() != EntryType::file) continue;
    UnpackedFile file{"/" + std::string(path), node.size(), hex_of(node),
                      static_cast<unsigned>(node.layer - layers.data())};
    if (node.size() > 0 && !linked.insert(node.entry).second) file.hash.clear();
    TRY(sink(file));
  }
  return {};
}

}  // namespace nodeproof::inspect
