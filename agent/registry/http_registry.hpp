// The Registry port over HTTP(S): anonymous, Basic and Bearer-token registries.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "agent/registry/blob_stream.hpp"
#include "agent/registry/client.hpp"
#include "agent/registry/registry.hpp"
#include "agent/registry/retry.hpp"
#include "agent/registry/turns.hpp"

namespace nodeproof::registry {

enum class Routing {
  by_mirrors,     // mirrors first, as containerd asks
  registry_only,  // the registry itself, to judge what it holds: a pull-through mirror heals itself
                  // by being asked, and hides what is damaged
};

// Errors name the image, who answered and what to do: not_found, unauthorized, throttled,
// unreachable, untrusted, timeout, not_a_registry, server_error, truncated, digest_mismatch,
// too_large, unsupported, invalid_document, invalid_config (a file that says who is asked, a
// helper), cancelled; corrupt when the registry cannot read its own manifest. What passes by itself
// is tried a few times.
class HttpRegistry final : public Registry {
 public:
  // Both outlive it.
  HttpRegistry(Access& access, const Clock& clock, Routing routing = Routing::by_mirrors,
               const RetryPolicy& retry = {})
      : access_(access), client_(access), memory_(clock), routing_(routing), retry_(retry) {}
  HttpRegistry(const HttpRegistry&) = delete;
  HttpRegistry& operator=(const HttpRegistry&) = delete;
  ~HttpRegistry() override = default;

  Result<FetchedManifest> manifest(const Reference& reference, std::stop_token stop) override;
  Result<FetchedManifest> child(const Reference& reference, const Descriptor& child,
                                std::stop_token stop) override;
  Result<> blob(const Reference& reference, const Descriptor& blob, std::uint64_t offset,
                const ByteSink& sink, std::stop_token stop) override;
  void distrust(const Digest& blob) override { memory_.distrust(blob); }
  Result<BlobState> probe(const Reference& reference, const Descriptor& blob,
                          std::stop_token stop) override;
  Result<std::optional<Digest>> ask_digest(const Reference& tag, std::stop_token stop) override;
  Result<std::optional<FetchedManifest>> referrers(const Reference& reference,
                                                   const Digest& subject,
                                                   const std::string& artifact_type,
                                                   std::stop_token stop) override;
  [[nodiscard]] std::optional<RateLimit> rate_limit(const Reference& reference) const override;
  [[nodiscard]] std::string personal_credentials(const Reference& reference) const override;

 private:
  struct Document {
    std::string type;  // Content-Type without parameters
    std::string bytes;
    std::optional<Digest> announced;  // what the answer itself says they hash to
  };
  Result<std::vector<Host>> hosts(const Reference& reference, const Digest* digest) const;
  [[nodiscard]] RetryPolicy policy(bool is_last) const;
  Result<Document> document(const Question& question, std::optional<std::uint64_t> size,
                            const RetryPolicy& policy, const std::stop_token& stop);
  Result<FetchedManifest> tag_at(const Host& host, const Reference& reference,
                                 const RetryPolicy& policy, const std::stop_token& stop);
  Result<FetchedManifest> child_at(const Host& host, const Descriptor& child,
                                   const RetryPolicy& policy, const std::stop_token& stop);
  struct Delivery {
    const Descriptor& blob;
    BlobStream& stream;
  };
  Result<> blob_at(const Host& host, const Delivery& delivery, const RetryPolicy& policy,
                   const std::stop_token& stop);
  struct ReferrersPage {
    std::string bytes;
    std::string next;  // the next one's query; "" = it is the last
  };
  using ReferrersAt = std::function<Result<std::optional<ReferrersPage>>(const std::string& query)>;
  static Result<FetchedManifest> all_pages(ReferrersPage page, const ReferrersAt& page_at);
  Result<std::optional<ReferrersPage>> referrers_at(const Question& question,
                                                    const RetryPolicy& policy,
                                                    const std::stop_token& stop);
  Result<BlobState> probe_at(const Host& host, const Descriptor& blob, const std::stop_token& stop);

  Access& access_;
  Client client_;
  HostMemory memory_;
  const Routing routing_;
  const RetryPolicy retry_;
};

}  // namespace nodeproof::registry
