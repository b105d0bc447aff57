#include "agent/index/blobs.hpp"

#include <map>
#include <utility>

#include "agent/codes.hpp"
#include "agent/index/blob_check.hpp"
#include "agent/index/workers.hpp"

namespace nodeproof::index {

namespace {

constexpr std::uint64_t kMaxConfigBytes = 32 << 20;  // of all configs together
// A hostile index could name hundreds of thousands.
constexpr std::size_t kMaxBlobs = 10'000;

constexpr const char* kConfig = "the config";

// A descriptor that lies about the size is a case of its own.
using BlobKey = std::pair<Digest, std::uint64_t>;
BlobKey key_of(const Descriptor& blob) { return {blob.digest, blob.size}; }

// ---- configs

struct ConfigCheck {
  const Descriptor* blob = nullptr;
  std::optional<Flaw> flaw;
  bool unreadable = false;  // the right bytes, but no image's config
  ImageConfig config;
};

void run(Questions& questions, ConfigCheck& check) {
  std::string text;
  check.flaw = read_blob(questions, {.blob = *check.blob, .what = kConfig}, &text);
  if (check.flaw) return;
  auto config = parse_image_config(text);
  if (config) {
    check.config = *std::move(config);
  } else {
    check.flaw = questions.flaw(config.error(), kConfig, check.blob->digest.str());
    check.unreadable = true;
  }
}

// Those that fit into memory together; the others are not looked at.
std::vector<ConfigCheck*> affordable(std::map<BlobKey, ConfigCheck>& checks) {
  std::vector<ConfigCheck*> jobs;
  std::uint64_t room = kMaxConfigBytes;
  for (auto& [key, check] : checks) {
    if (check.blob->size <= room) {
      room -= check.blob->size;
      jobs.push_back(&check);
    } else {
      check.flaw = flaw_of(Error{Errc::too_large, "the tag's configs have more than 32 MiB", ""},
                           kConfig, check.blob->digest.str());
    }
  }
  return jobs;
}

Flaw mismatch(const Node& node, std::string_view code, std::string cause) {
  Flaw flaw;
  flaw.verdict = PlatformVerdict::mismatch;
  flaw.code = code;
  flaw.what = kConfig;
  flaw.digest = node.manifest->config.digest.str();
  flaw.cause = std::move(cause);
  flaw.remedy = "build the image again, so that index, manifest and config agree";
  return flaw;
}

// 32-bit Arm is several architectures; elsewhere, and where the config names none, a variant is a
// level that a label may leave out.
bool disagree(const Platform& entry, const Platform& config) {
  if (entry.architecture.empty() || config.architecture.empty()) return false;
  const Platform a = normalize(entry);
  const Platform b = normalize(config);
  if (a.os != b.os || a.architecture != b.architecture) return true;
  return a.architecture == "arm" && !config.variant.empty() && a.variant != b.variant;
}

void compare(Node& node) {
  const std::optional<Platform>& entry = node.descriptor.platform;
  if (entry && disagree(*entry, node.config->platform)) {
    node.flaws.push_back(mismatch(node, code::kPlatformMismatch,
                                  "is for " + to_string(normalize(node.config->platform)) +
                                      ", the index says " + to_string(normalize(*entry))));
  }
  const std::size_t diff_ids = node.config->diff_ids.size();
  if (diff_ids != node.manifest->layers.size()) {
    node.flaws.push_back(mismatch(node, code::kIndexDamaged,
                                  "describes " + std::to_string(diff_ids) +
                                      " layers, the manifest has " +
                                      std::to_string(node.manifest->layers.size())));
  }
}

void take_config(Node& node, const ConfigCheck& check) {
  if (node.companion && check.unreadable) return;
  if (check.flaw) {
    node.flaws.push_back(*check.flaw);
  } else if (!node.companion) {
    node.config = check.config;
    compare(node);
  }
}

// ---- layers

struct LayerCheck {
  const Descriptor* blob = nullptr;
  const Digest* diff_id = nullptr;
  bool read = false;
  std::optional<Flaw> flaw;
};

using LayerChecks = std::map<BlobKey, LayerCheck>;

const Digest* diff_id_of(const Node& node, std::size_t layer) {
  const bool known = !node.companion && node.config &&
                     node.config->diff_ids.size() == node.manifest->layers.size();
  return known ? &node.config->diff_ids[layer] : nullptr;
}

LayerChecks layers_of(const Tree& tree) {
  LayerChecks checks;
  for (const Node& node : tree.nodes) {
    if (!node.manifest) continue;
    for (std::size_t i = 0; i < node.manifest->layers.size(); ++i) {
      const Descriptor& layer = node.manifest->layers[i];
      LayerCheck& check = checks[key_of(layer)];
      check.blob = &layer;
      check.read = check.read || node.read;
      if (check.diff_id == nullptr) check.diff_id = diff_id_of(node, i);
    }
  }
  return checks;
}

void take_layers(Node& node, const LayerChecks& checks) {
  const std::vector<Descriptor>& layers = node.manifest->layers;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const LayerCheck& check = checks.at(key_of(layers[i]));
    if (!check.flaw) continue;
    Flaw flaw = *check.flaw;
    flaw.what = "layer " + std::to_string(i + 1) + " of " + std::to_string(layers.size());
    node.flaws.push_back(std::move(flaw));
  }
}

}  // namespace

void check_configs(Questions& questions, Tree& tree) {
  std::map<BlobKey, ConfigCheck> checks;
  for (const Node& node : tree.nodes) {
    if (node.manifest) checks[key_of(node.manifest->config)].blob = &node.manifest->config;
  }
  const std::vector<ConfigCheck*> jobs = affordable(checks);
  in_parallel(questions.options().parallel, jobs.size(),
              [&](std::size_t i) { run(questions, *jobs[i]); });
  for (Node& node : tree.nodes) {
    if (node.manifest) take_config(node, checks.at(key_of(node.manifest->config)));
  }
}

void check_layers(Questions& questions, Tree& tree) {
  LayerChecks checks = layers_of(tree);
  std::vector<LayerCheck*> jobs;
  for (auto& [key, check] : checks) jobs.push_back(&check);
  in_parallel(questions.options().parallel, jobs.size(), [&](std::size_t i) {
    const BlobTask task{.blob = *jobs[i]->blob,
                        .what = "layer",
                        .diff_id = jobs[i]->diff_id,
                        .read = jobs[i]->read};
    if (i < kMaxBlobs) {
      jobs[i]->flaw = check_blob(questions, task);
    } else {
      jobs[i]->flaw = flaw_of(Error{Errc::too_large, "the index names too many layers", ""},
                              task.what, task.blob.digest.str());
    }
  });
  for (Node& node : tree.nodes) {
    if (node.manifest) take_layers(node, checks);
  }
}

}  // namespace nodeproof::index
