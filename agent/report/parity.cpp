#include "agent/report/parity.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "agent/report/parity_groups.hpp"
#include "common/reference.hpp"
#include "common/words.hpp"

namespace nodeproof::report {
namespace {

// A test that two names of an image on one node tell differently about.
struct Unclear {
  std::size_t node;
  std::string test;
};

struct Group {
  std::vector<Held> held;  // one of each node
  std::vector<std::string> names;
  std::vector<Unclear> unclear;
};

std::string full_name(const std::string& reference) {
  const auto parsed = Reference::parse(reference);
  return parsed ? parsed->name() : reference;
}

std::string digest_of(const ImageReport& image) {
  return image.index_digest.empty() ? image.manifest_digest : image.index_digest;
}

bool is_same(const ImageReport& left, const ImageReport& right) {
  if (!left.index_digest.empty() && !right.index_digest.empty()) {
    return left.index_digest == right.index_digest;
  }
  if (!left.manifest_digest.empty() && !right.manifest_digest.empty()) {
    return left.manifest_digest == right.manifest_digest;
  }
  // Nothing for this host is in the index, or it could not be asked for.
  return full_name(left.reference) == full_name(right.reference) &&
         (digest_of(left).empty() || digest_of(right).empty());
}

bool is_alike(const SmokeResult& left, const SmokeResult& right) {
  return left.result == right.result && left.test_sha256 == right.test_sha256 &&
         left.normalised_sha256 == right.normalised_sha256 &&
         (left.normalised_sha256.empty() || left.exit == right.exit);
}

// A failure is not lost beside a pass, nor either beside a skipped one. False: they contradict.
bool merge_test(const SmokeResult& result, std::vector<SmokeResult>& into) {
  const auto known = std::ranges::find(into, result.name, &SmokeResult::name);
  if (known == into.end()) {
    into.push_back(result);
    return true;
  }
  if (result.result == SmokeOutcome::skipped) return true;
  const bool clear = known->result == SmokeOutcome::skipped || is_alike(*known, result);
  if (known->result != SmokeOutcome::failed) *known = result;
  return clear;
}

void merge(const Held& other, ImageReport& into, std::vector<Unclear>& unclear) {
  const ImageReport& image = *other.image;
  for (const SmokeResult& result : image.smoke) {
    if (!merge_test(result, into.smoke)) unclear.push_back({other.node, result.name});
  }
  into.findings.insert(into.findings.end(), image.findings.begin(), image.findings.end());
  const bool known = into.verdict != Verdict::unknown && image.verdict != Verdict::unknown;
  into.verdict = known ? std::max(into.verdict, image.verdict) : Verdict::unknown;
}

// `merged` owns what is made of an image that a node has under several names.
void settle(Group& group, std::deque<ImageReport>& merged) {
  for (const Held& held : group.held) group.names.push_back(full_name(held.image->reference));
  std::vector<Held> one_each;
  ImageReport* made = nullptr;
  for (const Held& held : group.held) {
    if (one_each.empty() || one_each.back().node != held.node) {
      one_each.push_back(held);
      made = nullptr;
      continue;
    }
    if (made == nullptr) made = &merged.emplace_back(*one_each.back().image);
    one_each.back().image = made;
    merge(held, *made, group.unclear);
  }
  group.held = std::move(one_each);
}

void put(const Held& held, std::vector<Group>& groups) {
  const auto is_it = [&](const Held& each) { return is_same(*each.image, *held.image); };
  const auto found = std::ranges::find_if(
      groups, [&](const Group& group) { return std::ranges::any_of(group.held, is_it); });
  auto& into = (found == groups.end() ? groups.emplace_back() : *found).held;
  // By node; of one node's in the order of its report.
  into.insert(std::ranges::upper_bound(into, held.node, {}, &Held::node), held);
}

// Those with a digest first, so that one without finds them.
std::vector<Group> groups_of(std::span<const NodeReport> reports, std::deque<ImageReport>& merged) {
  std::vector<Held> known, unknown;
  for (std::size_t node = 0; node < reports.size(); ++node) {
    for (const ImageReport& image : reports[node].images) {
      (digest_of(image).empty() ? unknown : known).push_back({node, &image});
    }
  }
  std::vector<Group> groups;
  for (const Held& held : known) put(held, groups);
  for (const Held& held : unknown) put(held, groups);
  for (Group& group : groups) settle(group, merged);
  return groups;
}

bool has_name(const Group& group, const std::string& name) {
  return std::ranges::find(group.names, name) != group.names.end();
}

void add(ParityImage& image, std::string message, std::vector<std::string> nodes) {
  Observation& made = image.observations.emplace_back();
  made.standing = Standing::not_compared;
  made.message = std::move(message);
  made.nodes = std::move(nodes);
}

// The nodes that have neither this image nor another one of its name.
void note_missing(const std::vector<ParityNode>& all, const std::vector<Group>& groups,
                  const std::string& name, ParityImage& image) {
  std::vector<std::string> missing;
  for (std::size_t node = 0; node < all.size(); ++node) {
    const bool has = std::ranges::any_of(groups, [&](const Group& group) {
      return has_name(group, name) &&
             std::ranges::find(group.held, node, &Held::node) != group.held.end();
    });
    if (!has) missing.push_back(all[node].name);
  }
  if (missing.empty()) return;
  std::string message = "is not in the report of " + joined(missing);
  add(image, std::move(message), std::move(missing));
}

void note_unknown(const std::vector<ParityNode>& all, const Group& group, ParityImage& image) {
  for (const Held& held : group.held) {
    if (held.image->verdict != Verdict::unknown) continue;
    const auto why = std::ranges::find(held.image->findings, Severity::unknown, &Finding::severity);
    const std::string& name = all[held.node].name;
    add(image,
        "is unknown on " + name +
            (why == held.image->findings.end() ? "" : ": " + excerpt(why->message)),
        {name});
  }
}

// The tag has moved between the nodes' checks, or was pushed anew for one of them.
void note_others(const std::vector<ParityNode>& all, const std::vector<Group>& groups,
                 const std::string& name, ParityImage& image) {
  std::vector<std::string> details, nodes;
  for (const Group& group : groups) {
    if (!has_name(group, name)) continue;
    std::vector<std::size_t> these;
    these.reserve(group.held.size());
    for (const Held& held : group.held) these.push_back(held.node);
    const auto names = names_of(all, these);
    details.push_back(joined(names) + ": " + excerpt(digest_of(*group.held.front().image), 160));
    nodes.insert(nodes.end(), names.begin(), names.end());
  }
  if (details.size() < 2) return;
  add(image, "is not the same image everywhere: those of different digests are not compared",
      std::move(nodes));
  image.observations.back().details = std::move(details);
  image.observations.back().remedy =
      "let all nodes check the same tag again, or require the image by its digest";
}

void note_unclear(const std::vector<ParityNode>& all, const Group& group, ParityImage& image) {
  for (const Unclear& each : group.unclear) {
    const std::string& node = all[each.node].name;
    add(image, "has two results on " + node + ", which has the image under two names", {node});
    image.observations.back().subject = each.test;
  }
}

// One node's other image of a name is a line of the first one.
bool is_told_of(const std::vector<Group>& groups, const Group& group) {
  const std::string name = full_name(group.held.front().image->reference);
  const auto first =
      std::ranges::find_if(groups, [&](const Group& each) { return has_name(each, name); });
  return group.held.size() < 2 && &*first != &group;
}

ParityImage compare_group(const std::vector<ParityNode>& all, const std::vector<Group>& groups,
                          const Group& group) {
  ParityImage image;
  const ImageReport& first = *group.held.front().image;
  image.reference = first.reference;
  for (const Held& held : group.held) {
    image.nodes.push_back(all[held.node].name);
    if (image.digest.empty()) image.digest = digest_of(*held.image);
  }
  const std::string name = full_name(first.reference);
  for (const std::string& each : std::set(group.names.begin(), group.names.end())) {
    if (image.observations.empty()) note_others(all, groups, each, image);
  }
  note_missing(all, groups, name, image);
  note_unknown(all, group, image);
  if (group.held.size() < 2) return image;
  note_unclear(all, group, image);
  compare_findings(all, group.held, image);
  compare_tests(all, group.held, image);
  return image;
}

std::vector<ParityNode> nodes_of(std::span<const NodeReport> reports) {
  std::vector<ParityNode> nodes;
  std::map<std::string, int> used;
  for (const NodeReport& report : reports) {
    const HostFacts& host = report.host;
    std::string name = report.node.empty() ? host.name : report.node;
    if (name.empty()) name = "node";
    const int times = ++used[name];
    if (times > 1) name += "#" + std::to_string(times);
    nodes.push_back({std::move(name), host.platform.architecture, host.board, host.kernel_release,
                     host.page_size});
  }
  return nodes;
}

// By this severity, once per code and node.
std::map<std::string, std::vector<std::pair<std::size_t, const Finding*>>> findings_of(
    std::span<const Held> held, Severity severity) {
  std::map<std::string, std::vector<std::pair<std::size_t, const Finding*>>> found;
  for (const Held& each : held) {
    for (const Finding& finding : each.image->findings) {
      auto& nodes = found[finding.code];
      const bool known = !nodes.empty() && nodes.back().first == each.node;
      if (finding.severity == severity && !known) nodes.emplace_back(each.node, &finding);
    }
  }
  std::erase_if(found, [](const auto& entry) { return entry.second.empty(); });
  return found;
}

void note_finding(const std::vector<ParityNode>& all, std::span<const Held> held,
                  const std::vector<std::pair<std::size_t, const Finding*>>& found,
                  ParityImage& image) {
  const Finding& first = *found.front().second;
  std::vector<Seen> seen;
  std::vector<std::size_t> nodes;
  for (const Held& each : held) {
    const bool has =
        std::ranges::any_of(found, [&](const auto& entry) { return entry.first == each.node; });
    if (has) nodes.push_back(each.node);
    // What was not looked at is not free of it.
    if (has || each.image->verdict != Verdict::unknown) seen.push_back({each.node, has ? "1" : ""});
  }
  const bool everywhere = seen.size() == nodes.size();
  const Separation separation = separate(all, seen);
  const bool warning = first.severity == Severity::warn;
  // What some nodes only are warned of may be the network's, the registry's, the hour's.
  if (warning && (everywhere || separation.by == "node" || separation.by == "kernel")) return;
  Observation& made = image.observations.emplace_back();
  made.standing = warning ? Standing::told : Standing::differs;
  made.subject = first.code;
  made.by = everywhere ? "" : separation.by;
  made.nodes = names_of(all, nodes);
  made.message = (everywhere ? "on every node" : separation.where(nodes) + " only") + ": " +
                 excerpt(first.message);
  made.remedy = excerpt(first.remedy);
}

}  // namespace

void compare_findings(const std::vector<ParityNode>& all, std::span<const Held> held,
                      ParityImage& image) {
  for (const Severity severity : {Severity::fail, Severity::warn}) {
    for (const auto& [code, found] : findings_of(held, severity)) {
      note_finding(all, held, found, image);
    }
  }
}

Parity compare_nodes(std::span<const NodeReport> reports) {
  Parity parity{nodes_of(reports), {}};
  std::deque<ImageReport> merged;
  const std::vector<Group> groups = groups_of(reports, merged);
  for (const Group& group : groups) {
    if (is_told_of(groups, group)) continue;
    parity.images.push_back(compare_group(parity.nodes, groups, group));
  }
  return parity;
}

ParityVerdict verdict_of(const ParityImage& image) {
  const auto has = [&](Standing standing) {
    return std::ranges::find(image.observations, standing, &Observation::standing) !=
           image.observations.end();
  };
  if (has(Standing::differs)) return ParityVerdict::differs;
  return has(Standing::not_compared) ? ParityVerdict::unknown : ParityVerdict::same;
}

ParityVerdict verdict_of(const Parity& parity) {
  if (parity.images.empty()) return ParityVerdict::unknown;
  return verdict_of(*std::ranges::max_element(
      parity.images, {}, [](const ParityImage& image) { return verdict_of(image); }));
}

int exit_code(const Parity& parity) {
  switch (verdict_of(parity)) {
    case ParityVerdict::same:
      return 0;
    case ParityVerdict::differs:
      return 1;
    case ParityVerdict::unknown:
      return 2;
  }
  return 2;
}

}  // namespace nodeproof::report
