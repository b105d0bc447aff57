#include "agent/resolve/explain.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <set>

#include "agent/resolve/choose.hpp"
#include "common/words.hpp"

namespace nodeproof::resolve {
namespace {

using Take = std::function<Taken(const std::vector<Descriptor>&)>;

std::vector<Descriptor> descriptors(const std::vector<TreeEntry>& entries) {
  std::vector<Descriptor> list;
  list.reserve(entries.size());
  for (const TreeEntry& each : entries) list.push_back(each.entry);
  return list;
}

// Down from index to index, as a pull goes.
Pick descend(const Tree& tree, const Take& take) {
  Pick pick;
  if (!tree.is_index) {
    pick.sentence = "the tag is a single manifest, which containerd takes without a choice";
    return pick;
  }
  const std::vector<TreeEntry>* level = &tree.entries;
  for (;;) {
    Taken taken = take(descriptors(*level));
    pick.sentence = std::move(taken.choice.sentence);
    if (!taken.otherwise.empty()) pick.otherwise = std::move(taken.otherwise);
    if (!taken.choice.entry) {
      pick.path.clear();
      return pick;
    }
    pick.path.push_back(*taken.choice.entry);
    const TreeEntry& entry = (*level)[*taken.choice.entry];
    if (!entry.unread.empty()) {
      pick.sentence += "; the nested index could not be read: " + excerpt(entry.unread);
    }
    if (!media_type::is_index(entry.entry.media_type) || !entry.unread.empty()) return pick;
    level = &entry.children;
  }
}

std::vector<Other> others(const Tree& tree, const Platform& host, const Pick& taken) {
  std::vector<Other> list;
  for (const Puller& puller : pullers()) {
    const Pick pick = descend(tree, [&](const std::vector<Descriptor>& entries) {
      return Taken{choose(entries, host, puller.rules), ""};
    });
    if (pick.path == taken.path) continue;
    const TreeEntry* entry = entry_at(tree, pick.path);
    list.push_back({std::string(puller.name),
                    entry != nullptr ? std::optional(entry->entry) : std::nullopt, pick.sentence});
  }
  return list;
}

std::set<std::string> names(const std::vector<Platform>& platforms) {
  std::set<std::string> list;
  for (const Platform& each : platforms) list.insert(excerpt(to_string(normalize(each)), 64));
  return list;
}

SinceLast since(const Tree& tree, const ProvenImage& proven) {
  const Digest& top = proven.index ? proven.index->digest : proven.manifest.digest;
  SinceLast found{proven.time, top, top != tree.top.digest, {}};
  if (!found.moved) found.lost.emplace();  // the same bytes list the same platforms
  if (!found.moved || !proven.offered) return found;
  const std::set<std::string> now = names(offered_platforms(tree));
  found.lost.emplace();
  std::ranges::set_difference(names(*proven.offered), now, std::back_inserter(*found.lost));
  return found;
}

}  // namespace

const TreeEntry* entry_at(const Tree& tree, const std::vector<std::size_t>& path) {
  const std::vector<TreeEntry>* level = &tree.entries;
  const TreeEntry* entry = nullptr;
  for (const std::size_t position : path) {
    entry = &(*level)[position];
    level = &entry->children;
  }
  return entry;
}

Explanation explain(Tree tree, const HostFacts& host, const std::optional<ProvenImage>& proven) {
  const ContainerdRules rules = rules_of(host.containerd);
  Pick pick = descend(tree, [&](const std::vector<Descriptor>& entries) {
    return take(entries, host.platform, rules);
  });
  Explanation found{std::move(tree), describe(rules), std::move(pick), {}, {}};
  if (found.tree.is_index) found.others = others(found.tree, host.platform, found.pick);
  if (proven) found.since = since(found.tree, *proven);
  return found;
}

}  // namespace nodeproof::resolve
