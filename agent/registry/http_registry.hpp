// The Registry port over HTTP(S): anonymous, Basic and Bearer-token registries.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "agent/registry/client.hpp"
#include "agent/registry/registry.hpp"
#include "agent/registry/retry.hpp"
#include "agent/registry/settings.hpp"
#include "common/clock.hpp"
#include "common/http.hpp"

namespace nodeproof::registry {

// Errors name the image, who answered and what to do: not_found, unauthorized, throttled,
// unreachable, untrusted, timeout, not_a_registry, server_error, truncated, digest_mismatch,
// too_large, unsupported, invalid_document, cancelled; corrupt when the registry cannot read its
// own manifest. What passes by itself is tried a few times.
class HttpRegistry final : public Registry {
 public:
  // http and clock outlive it.
  HttpRegistry(HttpClient& http, const Clock& clock, Settings settings, RetryPolicy retry = {});
  HttpRegistry(const HttpRegistry&) = delete;
  HttpRegistry& operator=(const HttpRegistry&) = delete;
  ~HttpRegistry() override = default;

  Result<FetchedManifest> manifest(const Reference& reference, std::stop_token stop) override;
  Result<FetchedManifest> child(const Reference& reference, const Descriptor& child,
                                std::stop_token stop) override;
  Result<> blob(const Reference& reference, const Descriptor& blob, std::uint64_t offset,
                const ByteSink& sink, std::stop_token stop) override;
  Result<BlobState> probe(const Reference& reference, const Descriptor& blob,
                          std::stop_token stop) override;
  Result<std::optional<Digest>> ask_digest(const Reference& tag, std::stop_token stop) override;
  [[nodiscard]] std::optional<RateLimit> rate_limit(const Reference& reference) const override;

  // What each host said last about how often it may be asked, by host:port.
  [[nodiscard]] std::map<std::string, RateLimit> rate_limits() const {
    return client_.rate_limits();
  }

 private:
  struct Document {
    std::string type;  // Content-Type without parameters
    std::string bytes;
  };
  Result<Document> document(const Question& question, std::optional<std::uint64_t> size,
                            const std::stop_token& stop);

  Client client_;
  RetryPolicy retry_;
};

}  // namespace nodeproof::registry
