#include "agent/prepull/labels.hpp"

#include <algorithm>
#include <set>

namespace nodeproof::prepull {
namespace {

constexpr std::string_view kSource = "containerd.io/distribution.source.";
constexpr std::string_view kContent = "containerd.io/gc.ref.content.";
constexpr std::size_t kMaxLabel = 4096;  // key and value, containerd's own limit

std::string host_of(const std::string& domain) {
  const auto colon = domain.rfind(':');
  return colon == std::string::npos || domain.ends_with(']') ? domain : domain.substr(0, colon);
}

}  // namespace

Labels source_label(const Reference& reference) {
  return {{std::string(kSource) + host_of(reference.domain()), reference.path()}};
}

std::string merged_sources(const std::string& existing, const std::string& repository) {
  std::set<std::string> all{repository};
  for (std::size_t at = 0; at < existing.size();) {
    const std::size_t end = std::min(existing.find(',', at), existing.size());
    if (end > at) all.insert(existing.substr(at, end - at));
    at = end + 1;
  }
  std::string text;
  for (const std::string& one : all) text += (text.empty() ? "" : ",") + one;
  return text;
}

Labels config_labels(const std::string& snapshotter, const Digest& top_chain_id) {
  return {{"containerd.io/gc.ref.snapshot." + snapshotter, top_chain_id.str()}};
}

Labels manifest_labels(const Manifest& manifest) {
  Labels labels{{std::string(kContent) + "config", manifest.config.digest.str()}};
  for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
    labels.emplace(std::string(kContent) + "l." + std::to_string(i),
                   manifest.layers[i].digest.str());
  }
  return labels;
}

Labels index_labels(const Index& index) {
  Labels labels;
  for (std::size_t i = 0; i < index.manifests.size(); ++i) {
    labels.emplace(std::string(kContent) + "m." + std::to_string(i),
                   index.manifests[i].digest.str());
  }
  return labels;
}

Labels missing_labels(const Labels& existing, const Labels& wanted) {
  Labels missing;
  for (const auto& [key, value] : wanted) {
    const auto found = existing.find(key);
    std::string needed = value;
    if (found != existing.end() && key.starts_with(kSource)) {
      needed = merged_sources(found->second, value);
      if (key.size() + needed.size() > kMaxLabel) continue;  // enough is known about it
    }
    if (found == existing.end() || found->second != needed) missing.emplace(key, needed);
  }
  return missing;
}

}  // namespace nodeproof::prepull
