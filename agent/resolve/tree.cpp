#include "agent/resolve/tree.hpp"

#include <utility>

#include "agent/resolve/choose.hpp"

namespace nodeproof::resolve {
namespace {

constexpr unsigned kMaxDepth = 3;
constexpr unsigned kMaxNested = 16;

class Reader {
 public:
  Reader(Registry& registry, const Reference& reference, std::stop_token stop)
      : registry_(registry), reference_(reference), stop_(std::move(stop)) {}

  std::vector<TreeEntry> read(const Index& index, unsigned depth) {
    std::vector<TreeEntry> entries;
    for (const Descriptor& each : index.manifests) {
      TreeEntry& entry = entries.emplace_back(TreeEntry{each, {}, ""});
      if (media_type::is_index(each.media_type)) open(entry, depth);
    }
    return entries;
  }

 private:
  void open(TreeEntry& entry, unsigned depth) {
    if (depth + 1 >= kMaxDepth || ++nested_ > kMaxNested) {
      entry.unread = "nested too deep, or too many nested indexes";
      return;
    }
    const auto index = fetch(entry.entry);
    if (index) {
      entry.children = read(*index, depth + 1);
    } else {
      entry.unread = index.error().message;
    }
  }

  Result<Index> fetch(const Descriptor& entry) {
    const FetchedManifest document = TRY(registry_.child(reference_, entry, stop_));
    auto parsed = TRY(parse_image_document(document.bytes, entry.media_type));
    if (auto* index = std::get_if<Index>(&parsed)) return std::move(*index);
    return fail(Errc::invalid_document, "it is no index");
  }

  Registry& registry_;
  const Reference& reference_;
  std::stop_token stop_;
  unsigned nested_ = 0;
};

void collect_platforms(const std::vector<TreeEntry>& entries, std::vector<Platform>& platforms) {
  for (const TreeEntry& each : entries) {
    if (!is_candidate(each.entry)) continue;
    if (each.entry.platform && each.children.empty()) platforms.push_back(*each.entry.platform);
    collect_platforms(each.children, platforms);
  }
}

}  // namespace

Result<Tree> fetch_tree(Registry& registry, const Reference& reference,
                        const std::stop_token& stop) {
  const FetchedManifest top = TRY(registry.manifest(reference, stop));
  auto parsed = TRY(parse_image_document(top.bytes, top.descriptor.media_type));
  const auto* index = std::get_if<Index>(&parsed);
  if (index == nullptr) return Tree{top.descriptor, false, {}};
  return Tree{top.descriptor, true, Reader(registry, reference, stop).read(*index, 0)};
}

std::vector<Platform> offered_platforms(const Tree& tree) {
  std::vector<Platform> platforms;
  collect_platforms(tree.entries, platforms);
  return platforms;
}

Result<FetchedManifest> RememberingRegistry::manifest(const Reference& reference,
                                                      std::stop_token stop) {
  if (auto document = known(reference.name())) return *std::move(document);
  auto document = registry_.manifest(reference, std::move(stop));
  remember(reference.name(), document);
  return document;
}

Result<FetchedManifest> RememberingRegistry::child(const Reference& reference,
                                                   const Descriptor& child, std::stop_token stop) {
  if (auto document = known(child.digest.str())) return *std::move(document);
  auto document = registry_.child(reference, child, std::move(stop));
  remember(child.digest.str(), document);
  return document;
}

// NOLINTNEXTLINE(readability-function-size): the port's signature
Result<> RememberingRegistry::blob(const Reference& reference, const Descriptor& blob,
                                   std::uint64_t offset, const ByteSink& sink,
                                   std::stop_token stop) {
  return registry_.blob(reference, blob, offset, sink, std::move(stop));
}

Result<BlobState> RememberingRegistry::probe(const Reference& reference, const Descriptor& blob,
                                             std::stop_token stop) {
  return registry_.probe(reference, blob, std::move(stop));
}

std::optional<FetchedManifest> RememberingRegistry::known(const std::string& key) {
  const std::scoped_lock lock(mutex_);
  const auto found = documents_.find(key);
  if (found == documents_.end()) return {};
  return found->second;
}

void RememberingRegistry::remember(const std::string& key,
                                   const Result<FetchedManifest>& document) {
  const std::scoped_lock lock(mutex_);
  if (document) documents_.emplace(key, *document);
}

}  // namespace nodeproof::resolve
