#include "agent/resolve/choose.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "common/words.hpp"

namespace nodeproof::resolve {
namespace {

constexpr std::size_t kMaxListed = 20;

// Smaller is better. containerd's Less for entries that all match something.
using Rank = std::tuple<std::size_t, std::ptrdiff_t>;

std::optional<Rank> rank(const Descriptor& entry, const std::vector<Platform>& wanted,
                         ContainerdRules rules) {
  if (!is_candidate(entry)) return {};
  if (!entry.platform) return Rank{wanted.size(), 0};
  const auto found = std::ranges::find_if(
      wanted, [&](const Platform& platform) { return matches(platform, *entry.platform, rules); });
  if (found == wanted.end()) return {};
  const auto features = static_cast<std::ptrdiff_t>(entry.platform->os_features.size());
  return Rank{static_cast<std::size_t>(found - wanted.begin()), rules.os_features ? -features : 0};
}

std::string why_none(const std::vector<Descriptor>& entries, const Platform& host,
                     ContainerdRules rules) {
  const auto offered = offered_platforms(entries);
  std::string text =
      "nothing for " + to_string(host) + ": the index offers " + list_platforms(offered);
  const auto is_amd64_level = [](const Platform& platform) {
    return normalize(platform).architecture == "amd64";
  };
  if (host.architecture == "amd64" && std::ranges::any_of(offered, is_amd64_level)) {
    text += "; containerd takes no amd64 entry with a level above v1 of its own accord";
  }
  if (rules.strict &&
      std::ranges::any_of(acceptable(host, {.strict = false}), [&](const auto& wanted) {
        return std::ranges::any_of(offered,
                                   [&](const auto& p) { return matches(wanted, p, rules); });
      })) {
    text += "; a kubelet on this containerd (2.1 or later) takes no fallback";
  }
  return text;
}

std::string why(const Descriptor& entry, const Rank& best, std::size_t equals,
                const Platform& host) {
  if (!entry.platform) {
    return "no entry names " + to_string(host) + ", so the first one without a platform is taken";
  }
  const std::string name = excerpt(to_string(*entry.platform), 64);
  std::string text = std::get<0>(best) == 0
                         ? name + " is this host's own platform (" + to_string(host) + ")"
                         : "no entry is " + to_string(host) + "'s own; " + name +
                               " is the first that containerd falls back to";
  if (equals > 1) text += "; the first of " + std::to_string(equals) + " such entries";
  return text;
}

}  // namespace

Choice choose(const std::vector<Descriptor>& entries, const Platform& host, ContainerdRules rules) {
  const std::vector<Platform> wanted = acceptable(host, rules);
  std::optional<std::size_t> chosen;
  std::optional<Rank> best;
  std::size_t equals = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto candidate = rank(entries[i], wanted, rules);
    if (!candidate || (best && *best < *candidate)) continue;
    equals = best == candidate ? equals + 1 : 1;
    if (equals == 1) chosen = i;
    best = candidate;
  }
  if (!chosen) return {{}, why_none(entries, host, rules)};
  return {chosen, why(entries[*chosen], *best, equals, host)};
}

bool is_candidate(const Descriptor& entry) {
  return !is_attestation(entry) &&
         (media_type::is_index(entry.media_type) || media_type::is_manifest(entry.media_type));
}

Taken take(const std::vector<Descriptor>& entries, const Platform& host, ContainerdRules rules) {
  Choice choice = choose(entries, host, rules);
  if (!rules.strict) return {std::move(choice), ""};
  Choice local = choose(entries, host, local_pull(rules));
  if (local.entry == choice.entry) return {std::move(choice), ""};
  if (!choice.entry) {
    return {std::move(local),
            "a kubelet's own pull on this containerd (2.1 or later) takes nothing here, for it "
            "knows no fallback"};
  }
  const auto& other = entries[*local.entry].platform;
  return {std::move(choice), "a local pull takes " +
                                 (other ? excerpt(to_string(*other), 64) : "another entry") +
                                 " instead"};
}

std::optional<std::size_t> sized_instead(const std::vector<Descriptor>& entries,
                                         std::size_t chosen) {
  if (entries[chosen].platform) return {};
  std::optional<std::size_t> first;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Descriptor& entry = entries[i];
    if (!entry.platform) continue;
    // What is no image counts by its descriptor alone, and what is the chosen one is there. Which
    // of several is first is the matcher's business: only where all are absent is it certain.
    const bool read =
        media_type::is_index(entry.media_type) || media_type::is_manifest(entry.media_type);
    if (!read || entry.digest == entries[chosen].digest) return {};
    if (!first) first = i;
  }
  return first;
}

std::vector<Platform> offered_platforms(const std::vector<Descriptor>& entries) {
  std::vector<Platform> platforms;
  for (const Descriptor& entry : entries) {
    if (is_candidate(entry) && entry.platform) platforms.push_back(*entry.platform);
  }
  return platforms;
}

std::string list_platforms(const std::vector<Platform>& platforms) {
  std::string text;
  std::set<std::string> seen;
  for (const Platform& platform : platforms) {
    const std::string name = excerpt(to_string(platform), 64);
    if (!seen.insert(name).second) continue;
    if (seen.size() > kMaxListed) return text + ", ...";
    text += (text.empty() ? "" : ", ") + name;
  }
  return text.empty() ? "nothing" : text;
}

}  // namespace nodeproof::resolve
