// The image's root file system as the layers make it together (image-spec layer.md: newest wins,
// whiteouts), with path lookups that never leave it.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "agent/inspect/inventory.hpp"

namespace nodeproof::inspect {

// A name in the view. A hard link's entry is its target's, so that content and mode are at hand.
struct Node {
  const InventoryEntry* entry = nullptr;  // nullptr for a directory that no layer has an entry for
  const LayerInventory* layer = nullptr;  // that brought the name
  [[nodiscard]] EntryType type() const {
    return entry == nullptr ? EntryType::directory : entry->entry.type;
  }
  [[nodiscard]] std::uint64_t size() const { return entry == nullptr ? 0 : entry->entry.size; }
  [[nodiscard]] const elf::Facts* elf() const {
    return entry != nullptr && entry->facts && entry->facts->elf ? &*entry->facts->elf : nullptr;
  }
  [[nodiscard]] const elf::CodeFacts* code() const {
    return entry != nullptr && entry->facts && entry->facts->code ? &*entry->facts->code : nullptr;
  }
  [[nodiscard]] bool executable() const {
    return entry != nullptr && (entry->entry.mode & 0111U) != 0;
  }
};

[[nodiscard]] inline std::string hex_of(const Node& file) {
  return file.entry != nullptr && file.entry->hash ? to_hex(*file.entry->hash) : std::string();
}

// A path followed to its end, free of symbolic links; no leading "/".
struct Found {
  std::string path;
  Node node;
  [[nodiscard]] bool is_directory() const { return node.type() == EntryType::directory; }
  [[nodiscard]] bool is_file() const { return node.type() == EntryType::file; }
};

class MergedView {
 public:
  using Nodes = std::map<std::string_view, Node>;

  // Bottom first; borrows the inventories.
  explicit MergedView(std::span<const LayerInventory> layers);
  MergedView(const MergedView&) = delete;
  MergedView& operator=(const MergedView&) = delete;
  ~MergedView() = default;

  // Follows symbolic links below the root as path_resolution(7) does, at most 40; ".." stops at the
  // root. nullopt when there is no such path. A relative path starts at the root.
  [[nodiscard]] std::optional<Found> find(std::string_view path) const;
  [[nodiscard]] const Nodes& nodes() const { return nodes_; }  // by path, sorted
  // The names directly in a directory, without links followed.
  [[nodiscard]] std::vector<std::string_view> names_in(std::string_view directory) const;
  [[nodiscard]] std::string content_of(std::string_view path) const;  // "" when not kept
  // False when directories that no layer has an entry for would have taken too much memory: then
  // not all of what is in the image is found.
  [[nodiscard]] bool complete() const { return implied_bytes_ <= kMaxImplied; }

 private:
  void apply(const LayerInventory& layer);
  void apply_whiteout(std::string_view path, const LayerInventory& layer);
  void add(const InventoryEntry& entry, const LayerInventory& layer);
  void add_parents(std::string_view path);
  void remove_below(std::string_view directory);
  [[nodiscard]] std::string place_of(std::string_view path, const LayerInventory& layer) const;

  // Far beyond any image that a tool built; a hostile one names deep paths and no directory.
  static constexpr std::size_t kMaxImplied = 16 << 20;  // bytes of names

  std::deque<std::string> own_names_;  // that are no entry's path
  Nodes nodes_;
  std::size_t implied_bytes_ = 0;
};

}  // namespace nodeproof::inspect
