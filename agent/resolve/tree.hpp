// All that a tag holds: its index, and the indexes nested in it.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "agent/registry/registry.hpp"

namespace nodeproof::resolve {

struct TreeEntry {
  Descriptor entry;
  std::vector<TreeEntry> children;  // of a nested index
  std::string unread;               // why a nested index could not be read; "" = it was
};

struct Tree {
  Descriptor top;
  bool is_index = false;  // false: the tag is a single manifest, and there are no entries
  std::vector<TreeEntry> entries;
};

// The top document must be readable; a nested index that is not stays in the tree with its reason.
// Asks for at most 16 nested indexes, 3 levels deep.
Result<Tree> fetch_tree(Registry& registry, const Reference& reference,
                        const std::stop_token& stop);

// The platforms of all images in it, nested ones too, as written.
[[nodiscard]] std::vector<Platform> offered_platforms(const Tree& tree);

// Asks for each document once, so that two readers of a tag see the same one.
class RememberingRegistry final : public Registry {
 public:
  explicit RememberingRegistry(Registry& registry) : registry_(registry) {}  // outlives it
  RememberingRegistry(const RememberingRegistry&) = delete;
  RememberingRegistry& operator=(const RememberingRegistry&) = delete;
  ~RememberingRegistry() override = default;

  Result<FetchedManifest> manifest(const Reference& reference, std::stop_token stop) override;
  Result<FetchedManifest> child(const Reference& reference, const Descriptor& child,
                                std::stop_token stop) override;
  Result<> blob(const Reference& reference, const Descriptor& blob, std::uint64_t offset,
                const ByteSink& sink, std::stop_token stop) override;
  void distrust(const Digest& blob) override { registry_.distrust(blob); }
  Result<BlobState> probe(const Reference& reference, const Descriptor& blob,
                          std::stop_token stop) override;
  Result<std::optional<Digest>> ask_digest(const Reference& tag, std::stop_token stop) override {
    return registry_.ask_digest(tag, std::move(stop));
  }
  [[nodiscard]] std::optional<RateLimit> rate_limit(const Reference& reference) const override {
    return registry_.rate_limit(reference);
  }

 private:
  [[nodiscard]] std::optional<FetchedManifest> known(const std::string& key);
  void remember(const std::string& key, const Result<FetchedManifest>& document);

  Registry& registry_;
  std::mutex mutex_;
  std::map<std::string, FetchedManifest> documents_;  // by name or digest
};

}  // namespace nodeproof::resolve
