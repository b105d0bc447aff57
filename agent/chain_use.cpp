#include "agent/chain_use.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "common/words.hpp"

namespace nodeproof {
namespace {

std::string label(const Labels& labels, const std::string& key) {
  const auto found = labels.find(key);
  return found == labels.end() ? "" : found->second;
}

void add_users(ChainUse& use, const std::string& snapshot,
               const std::vector<ContainerFacts>& containers) {
  bool named = false;
  for (const ContainerFacts& container : containers) {
    if (container.snapshot != snapshot) continue;
    use.users.push_back(user_of(container));
    named = true;
  }
  if (!named) use.users.push_back({"", "", "", "", "", "", snapshot});
}

}  // namespace

ChainUser user_of(const ContainerFacts& container) {
  return {container.id,
          container.image,
          label(container.labels, "io.kubernetes.pod.namespace"),
          label(container.labels, "io.kubernetes.pod.name"),
          label(container.labels, "io.kubernetes.container.name"),
          container.state,
          container.snapshot};
}

ChainUse use_of(const std::string& snapshot, const std::vector<SnapshotFacts>& snapshots,
                const std::vector<ContainerFacts>& containers) {
  std::multimap<std::string_view, const SnapshotFacts*> children;
  const SnapshotFacts* first = nullptr;
  for (const SnapshotFacts& one : snapshots) {
    children.emplace(one.parent, &one);
    if (one.name == snapshot) first = &one;
  }
  ChainUse use;
  if (first == nullptr) return use;
  std::vector<const SnapshotFacts*> found{first};  // parents before their children
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [begin, end] = children.equal_range(found[i]->name);
    for (auto child = begin; child != end; ++child) found.push_back(child->second);
  }
  for (const SnapshotFacts* one : found) {
    if (one->committed) {
      use.layers.push_back(one->name);
    } else {
      add_users(use, one->name, containers);
    }
  }
  std::ranges::reverse(use.layers);
  return use;
}

std::string text_of(const ChainUser& user) {
  if (user.container.empty()) return "snapshot " + excerpt(user.snapshot, 100);
  const std::string state = user.state.empty() ? "no process" : user.state;
  const std::string who = user.name.empty() ? excerpt(user.container, 64) : excerpt(user.name, 64);
  const std::string image = user.image.empty() ? "" : ", image " + excerpt(user.image, 120);
  if (user.pod.empty()) return "container " + who + " (" + state + image + ")";
  return "pod " + excerpt(user.pod_namespace, 64) + "/" + excerpt(user.pod, 64) + ", container " +
         who + " (" + state + image + ")";
}

}  // namespace nodeproof
