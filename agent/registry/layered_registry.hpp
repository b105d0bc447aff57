// Local sources and the registry as one: bytes from whoever is near, the word on tags from the
// registry.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "agent/registry/registry.hpp"

namespace nodeproof::registry {

// What a digest names is taken from the sources and, where they lack it, break off or are damaged,
// from the registry: digests verify both. A tag is the registry's to answer, whatever a source
// says, for a stick may be old. Only when the registry cannot be asked is the sources' word taken,
// and marked as unconfirmed. A host that cannot be reached is asked for no second tag that the
// sources have.
class LayeredRegistry final : public Registry {
 public:
  // Both outlive it.
  LayeredRegistry(Registry& sources, Registry& remote) : sources_(sources), remote_(remote) {}
  LayeredRegistry(const LayeredRegistry&) = delete;
  LayeredRegistry& operator=(const LayeredRegistry&) = delete;
  ~LayeredRegistry() override = default;

  Result<FetchedManifest> manifest(const Reference& reference, std::stop_token stop) override;
  Result<FetchedManifest> child(const Reference& reference, const Descriptor& child,
                                std::stop_token stop) override;
  Result<> blob(const Reference& reference, const Descriptor& blob, std::uint64_t offset,
                const ByteSink& sink, std::stop_token stop) override;
  Result<BlobState> probe(const Reference& reference, const Descriptor& blob,
                          std::stop_token stop) override;
  void distrust(const Digest& blob) override;
  // The registry's word only.
  Result<std::optional<Digest>> ask_digest(const Reference& tag, std::stop_token stop) override;
  // The registry's word only.
  Result<std::optional<FetchedManifest>> referrers(const Reference& reference,
                                                   const Digest& subject,
                                                   const std::string& artifact_type,
                                                   std::stop_token stop) override {
    return remote_.referrers(reference, subject, artifact_type, std::move(stop));
  }
  [[nodiscard]] std::optional<RateLimit> rate_limit(const Reference& reference) const override {
    return remote_.rate_limit(reference);
  }
  [[nodiscard]] std::string personal_credentials(const Reference& reference) const override {
    return remote_.personal_credentials(reference);
  }

 private:
  // How the registry of this image failed to answer before.
  std::optional<Error> known_silent(const Reference& reference);

  Registry& sources_;
  Registry& remote_;
  std::mutex mutex_;
  std::map<std::string, Error> unreachable_;  // by domain
};

}  // namespace nodeproof::registry
