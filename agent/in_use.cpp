#include "agent/in_use.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "agent/chain_use.hpp"
#include "agent/codes.hpp"
#include "common/reference.hpp"

namespace nodeproof {
namespace {

constexpr std::size_t kMostImages = 20;      // findings of one code
constexpr std::size_t kMostContainers = 5;   // that one finding names
constexpr std::string_view kId = "sha256:";  // begins image IDs and chain IDs

bool is_ours(const ContainerFacts& container) {
  return container.id.starts_with("nodeproof-smoke-");
}

// Labels of an image go over to its containers, but for this one, which CRI sets itself.
bool is_sandbox(const ContainerFacts& container) {
  const auto kind = container.labels.find("io.cri-containerd.kind");
  return kind != container.labels.end() && kind->second == "sandbox";
}

bool runs(const ContainerFacts& container) {
  return !container.state.empty() && container.state != "stopped" && container.state != "unknown";
}

// What each container is made from, and what it is called.
class Workloads {
 public:
  explicit Workloads(const InUse& use) : use_(use) {
    for (const SnapshotFacts& one : use.snapshots) snapshots_.emplace(one.name, &one);
  }

  // The uppermost layer of its image: of the snapshots below its own the first that is a chain, for
  // one with other owners (user namespaces) may lie between. "" = not known.
  [[nodiscard]] std::string rootfs_of(const ContainerFacts& container) const {
    auto at = snapshots_.find(container.snapshot);
    for (std::size_t steps = 0; at != snapshots_.end() && steps <= snapshots_.size(); ++steps) {
      if (at->first.starts_with(kId) && at->second->committed) return std::string(at->first);
      at = snapshots_.find(at->second->parent);
    }
    return {};
  }

  // CRI makes containers by any of an image's names; its ID says nothing to people.
  [[nodiscard]] std::string name_of(const ContainerFacts& container) const {
    if (!container.image.starts_with(kId)) return container.image;
    const auto record = std::ranges::find(use_.names, container.image, &ImageRecord::name);
    if (record == use_.names.end()) return container.image;
    std::string best = container.image;
    for (const ImageRecord& other : use_.names) {
      if (other.target.digest == record->target.digest && rank(other.name) < rank(best)) {
        best = other.name;
      }
    }
    return best;
  }

  // Tags before digests before IDs.
  static std::tuple<bool, bool, std::string_view> rank(std::string_view name) {
    return {name.starts_with(kId), name.contains('@'), name};
  }

 private:
  const InUse& use_;
  std::map<std::string_view, const SnapshotFacts*> snapshots_;
};

bool is_named(const ImageReport& image, const std::string& name) {
  const auto reference = Reference::parse(image.reference);
  return name == image.reference || (reference && name == reference->name());
}

using Containers = std::vector<const ContainerFacts*>;

std::string listed(Containers containers) {
  std::ranges::sort(containers, {}, [](const ContainerFacts* one) { return one->id; });
  std::string text = std::to_string(containers.size()) +
                     (containers.size() == 1 ? " container: " : " containers: ");
  for (std::size_t i = 0; i < std::min(containers.size(), kMostContainers); ++i) {
    text += (i == 0 ? "" : "; ") + text_of(user_of(*containers[i]));
  }
  if (containers.size() <= kMostContainers) return text;
  return text + "; and " + std::to_string(containers.size() - kMostContainers) + " more";
}

// Two images of the same layers are told apart by the name, where the container has one of theirs.
bool is_made_from(const ImageReport& image, const ContainerFacts& container,
                  const std::vector<ImageReport>& images, const Workloads& workloads) {
  const std::string name = workloads.name_of(container);
  if (image.rootfs.empty()) return is_named(image, name);
  const std::string rootfs = workloads.rootfs_of(container);
  if (rootfs != image.rootfs) return false;
  return is_named(image, name) || std::ranges::none_of(images, [&](const ImageReport& other) {
           return other.rootfs == rootfs && is_named(other, name);
         });
}

struct Group {
  std::string name, rootfs;
  Containers containers;
};

// Of the same layers, whatever each is called.
std::vector<Group> grouped(const InUse& use, const Workloads& workloads) {
  std::map<std::string, Group> groups;
  for (const ContainerFacts& container : use.containers) {
    if (!runs(container)) continue;
    const std::string name = workloads.name_of(container);
    std::string rootfs = workloads.rootfs_of(container);
    auto [at, fresh] = groups.try_emplace(rootfs.empty() ? "name " + name : rootfs);
    Group& group = at->second;
    if (fresh || Workloads::rank(name) < Workloads::rank(group.name)) group.name = name;
    group.rootfs = std::move(rootfs);
    group.containers.push_back(&container);
  }
  std::vector<Group> sorted;
  sorted.reserve(groups.size());
  for (auto& [key, group] : groups) sorted.push_back(std::move(group));
  std::ranges::sort(sorted, {}, [](const Group& one) { return std::tie(one.name, one.rootfs); });
  return sorted;
}

Finding unrequired_finding(const Group& group, const ImageReport* other) {
  Finding finding;
  finding.code = code::kInUseNotRequired;
  finding.subject = group.name;
  finding.message = listed(group.containers) +
                    (other == nullptr ? ". Nothing is proven of this image: nobody required it"
                                      : ". They run other bytes of this name than the image that "
                                        "was judged");
  if (!group.rootfs.empty()) finding.evidence = "their snapshots are built on " + group.rootfs;
  if (other != nullptr) finding.evidence += ", the image that was judged is " + other->rootfs;
  finding.remedy = other == nullptr ? "require it in the configuration if this node needs it"
                                    : "restart them if they shall run the image that was judged";
  return finding;
}

void cap(std::vector<Finding>& findings) {
  if (findings.size() <= kMostImages) return;
  const std::size_t more = findings.size() - kMostImages;
  findings.resize(kMostImages);
  Finding rest = findings.back();
  rest.subject = std::to_string(more) + " more images";
  rest.message = "the same is true of " + rest.subject;
  rest.evidence.clear();
  findings.push_back(std::move(rest));
}

}  // namespace

Result<InUse> look_at_use(ChainStore& chains, bool kubelet, const std::stop_token& stop) {
  InUse use;
  use.kubelet = kubelet;
  use.containers = TRY(chains.containers(stop));
  std::erase_if(use.containers, [&](const ContainerFacts& one) {
    return is_ours(one) || (kubelet && is_sandbox(one));
  });
  if (use.containers.empty()) return use;
  use.snapshots = TRY(chains.snapshots(stop));
  const bool by_id = std::ranges::any_of(
      use.containers, [](const ContainerFacts& one) { return one.image.starts_with(kId); });
  if (by_id) use.names = TRY(chains.all_images(stop));
  return use;
}

void note_failing(std::vector<ImageReport>& images, const InUse& use) {
  const Workloads workloads(use);
  for (ImageReport& image : images) {
    if (image.verdict != Verdict::not_ready) continue;
    Containers made;
    for (const ContainerFacts& one : use.containers) {
      if (runs(one) && is_made_from(image, one, images, workloads)) made.push_back(&one);
    }
    if (made.empty()) continue;
    Finding finding;
    finding.code = code::kInUseAndFailing;
    finding.severity = Severity::warn;
    finding.subject = image.reference;
    finding.message = "it is in use by " + listed(made);
    finding.evidence = image.rootfs.empty() ? "containers of this name; which bytes it has now is "
                                              "not known"
                                            : "their snapshots are built on " + image.rootfs;
    finding.remedy = "nothing was stopped: mend or replace the image, then restart them";
    image.findings.push_back(std::move(finding));
  }
}

std::vector<Finding> not_required(const std::vector<ImageReport>& images, const InUse& use) {
  std::vector<Finding> findings;
  for (const Group& group : grouped(use, Workloads(use))) {
    const ImageReport* namesake = nullptr;
    const bool known = std::ranges::any_of(images, [&](const ImageReport& image) {
      const bool named = is_named(image, group.name);
      if (named) namesake = &image;
      return image.rootfs.empty() || group.rootfs.empty() ? named : image.rootfs == group.rootfs;
    });
    if (!known) findings.push_back(unrequired_finding(group, namesake));
  }
  cap(findings);
  return findings;
}

std::vector<Finding> not_used(const std::vector<ImageReport>& images, const InUse& use,
                              const std::function<bool(const ImageReport&)>& settled) {
  std::vector<Finding> findings;
  if (!use.kubelet || std::ranges::none_of(use.containers, runs)) return findings;
  const Workloads workloads(use);
  for (const ImageReport& image : images) {
    if (!image.required || image.verdict != Verdict::ready || image.rootfs.empty()) continue;
    const bool used = std::ranges::any_of(use.containers, [&](const ContainerFacts& one) {
      return workloads.rootfs_of(one) == image.rootfs || is_named(image, workloads.name_of(one));
    });
    if (used || !settled(image)) continue;
    Finding finding;
    finding.code = code::kRequiredNotUsed;
    finding.subject = image.reference;
    finding.message = "it has been ready here for a day, and no container is made from it";
    finding.evidence = "no container's snapshot is built on " + image.rootfs;
    finding.remedy = "nothing has to be done; it need not be required if this node does not use it";
    findings.push_back(std::move(finding));
  }
  cap(findings);
  return findings;
}

}  // namespace nodeproof
