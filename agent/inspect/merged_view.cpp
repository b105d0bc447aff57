#include "agent/inspect/merged_view.hpp"

#include <vector>

#include "agent/inspect/paths.hpp"

namespace nodeproof::inspect {

namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr int kMaxLinks = 40;  // linux/namei.h MAXSYMLINKS

// A path's parts still to be walked, last one first.
class Parts {
 public:
  explicit Parts(std::string_view path) { push(path); }
  void push(std::string_view path) {
    std::size_t end = path.size();
    while (end > 0) {
      const std::size_t slash = path.rfind('/', end - 1);
      const std::size_t start = slash == std::string_view::npos ? 0 : slash + 1;
      if (start < end) parts_.emplace_back(path.substr(start, end - start));
      if (slash == std::string_view::npos) return;
      end = slash;
    }
  }
  [[nodiscard]] bool empty() const { return parts_.empty(); }
  std::string pop() {
    std::string part = std::move(parts_.back());
    parts_.pop_back();
    return part;
  }

 private:
  std::vector<std::string> parts_;
};

}  // namespace

MergedView::MergedView(std::span<const LayerInventory> layers) {
  for (const LayerInventory& layer : layers) apply(layer);
}

// Whiteouts hide lower layers only, wherever they stand in their own layer (image-spec
// layer.md#whiteouts).
void MergedView::apply(const LayerInventory& layer) {
  for (const InventoryEntry& entry : layer.entries) {
    if (name_of(entry.entry.path).starts_with(kWhiteout)) apply_whiteout(entry.entry.path, layer);
  }
  for (const InventoryEntry& entry : layer.entries) {
    if (!name_of(entry.entry.path).starts_with(kWhiteout)) add(entry, layer);
  }
}

void MergedView::apply_whiteout(std::string_view path, const LayerInventory& layer) {
  const std::string parent = place_of(parent_of(path), layer);
  const std::string_view name = name_of(path);
  if (name == kOpaque) return remove_below(parent);
  const std::string hidden = join(parent, name.substr(kWhiteout.size()));
  remove_below(hidden);
  nodes_.erase(hidden);
}

void MergedView::add(const InventoryEntry& entry, const LayerInventory& layer) {
  const std::string_view raw = entry.entry.path;
  std::string path = raw.empty() ? "" : join(place_of(parent_of(raw), layer), name_of(raw));
  Node node{.entry = &entry, .layer = &layer};
  if (node.type() == EntryType::hard_link) {
    const std::string_view target = entry.entry.link_target;
    const auto found = nodes_.find(join(place_of(parent_of(target), layer), name_of(target)));
    if (found != nodes_.end()) node.entry = found->second.entry;
  }
  if (node.type() != EntryType::directory) remove_below(path);
  add_parents(path);
  const auto known = nodes_.find(path);
  if (known != nodes_.end()) {
    known->second = node;
  } else {
    nodes_.emplace(path == raw ? raw : own_names_.emplace_back(std::move(path)), node);
  }
}

// Directories are there as soon as something lies in them.
void MergedView::add_parents(std::string_view path) {
  for (path = parent_of(path); !path.empty(); path = parent_of(path)) {
    const auto found = nodes_.find(path);
    if (found == nodes_.end()) {
      implied_bytes_ += path.size();
      if (!complete()) return;
      nodes_.emplace(own_names_.emplace_back(path), Node{});
    } else if (found->second.type() != EntryType::directory) {
      found->second = Node{};
    } else {
      return;
    }
  }
}

void MergedView::remove_below(std::string_view directory) {
  if (directory.empty()) return nodes_.clear();
  const std::string first = std::string(directory) + '/';
  const std::string last = std::string(directory) + static_cast<char>('/' + 1);
  nodes_.erase(nodes_.lower_bound(first), nodes_.lower_bound(last));
}

// Where a layer's entry lands: links that the layer itself has in its directories are followed.
// Those of the layers below are not to be seen where it is unpacked: its directory hides them.
std::string MergedView::place_of(std::string_view path, const LayerInventory& layer) const {
  if (path.empty()) return {};
  const auto direct = nodes_.find(path);
  if (direct != nodes_.end() && direct->second.type() == EntryType::directory) {
    return std::string(
        path);  // most are entries of their own, and their parents were followed before
  }
  Parts parts(path);
  std::string at;
  for (int links = 0; !parts.empty();) {
    const std::string part = parts.pop();
    if (part == ".") continue;
    if (part == "..") {
      at.resize(parent_of(at).size());
      continue;
    }
    std::string next = join(at, part);
    const auto own = nodes_.find(next);
    if (own == nodes_.end() || own->second.type() != EntryType::symlink ||
        own->second.layer != &layer) {
      at = std::move(next);
      continue;
    }
    const std::string& target = own->second.entry->entry.link_target;
    if (++links > kMaxLinks || target.empty()) return std::string(path);
    if (target.starts_with('/')) at.clear();
    parts.push(target);
  }
  return at;
}

std::optional<Found> MergedView::find(std::string_view path) const {
  Parts parts(path);
  Found at{.path = {}, .node = {}};
  int links = 0;
  while (!parts.empty()) {
    if (!at.is_directory()) return std::nullopt;
    const std::string part = parts.pop();
    if (part == ".") continue;
    if (part == "..") {
      at.path.resize(parent_of(at.path).size());
      at.node = {};
      continue;
    }
    std::string next = join(at.path, part);
    const auto own = nodes_.find(next);
    if (own == nodes_.end()) return std::nullopt;
    if (own->second.type() == EntryType::symlink) {
      const std::string& target = own->second.entry->entry.link_target;
      if (++links > kMaxLinks || target.empty()) return std::nullopt;
      if (target.starts_with('/')) at = {.path = {}, .node = {}};
      parts.push(target);
      continue;
    }
    at.path = std::move(next);
    at.node = own->second;
  }
  if (path.ends_with('/') && !at.is_directory()) return std::nullopt;
  return at;
}

std::vector<std::string_view> MergedView::names_in(std::string_view directory) const {
  const std::string prefix = directory.empty() ? "" : std::string(directory) + '/';
  std::vector<std::string_view> names;
  for (auto at = nodes_.lower_bound(prefix); at != nodes_.end();) {
    const std::string_view path = at->first;
    if (!path.starts_with(prefix)) break;
    const std::string_view name = path.substr(prefix.size());
    const std::size_t slash = name.find('/');
    if (slash == std::string_view::npos) {
      if (!name.empty()) names.push_back(name);  // the root's own entry has no name
      ++at;
      continue;
    }
    // Below a directory that was listed before: "d" sorts before "d-x", and that before "d/y".
    at = nodes_.lower_bound(prefix + std::string(name.substr(0, slash)) +
                            static_cast<char>('/' + 1));
  }
  return names;
}

std::string MergedView::content_of(std::string_view path) const {
  const auto found = find(path);
  if (!found || !found->is_file() || !found->node.entry->facts) return {};
  return found->node.entry->facts->content;
}

}  // namespace nodeproof::inspect
