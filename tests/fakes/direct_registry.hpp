// The HTTP registry with all that it needs, wired as the program does.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "agent/registry/http_registry.hpp"
#include "agent/registry/http_registry_writer.hpp"
#include "tests/fakes/fake_keychain.hpp"

namespace nodeproof::fakes {

using Logins = std::map<std::string, registry::Credentials>;

struct RegistryParts {
  registry::Settings settings = {};
  registry::RetryPolicy retry = {};
  Logins logins = {};
  registry::RouteFiles files = {};
  registry::Routing routing = registry::Routing::by_mirrors;
};

class DirectRegistry final : public Registry {
 public:
  DirectRegistry(HttpClient& http, const Clock& clock, RegistryParts parts = {})
      : access_({http, clock, keys_}, std::move(parts.settings), std::move(parts.files),
                parts.retry),
        reader_(access_, clock, parts.routing, parts.retry),
        writer_(access_, reader_, parts.retry) {
    for (auto& [host, login] : parts.logins) keys_.put(host, login);
  }
  DirectRegistry(const DirectRegistry&) = delete;
  DirectRegistry& operator=(const DirectRegistry&) = delete;
  ~DirectRegistry() override = default;

  [[nodiscard]] registry::HttpRegistryWriter& writer() { return writer_; }
  [[nodiscard]] registry::PatientHttp& http() { return access_.http(); }
  [[nodiscard]] FakeKeychain& keys() { return keys_; }

  Result<FetchedManifest> manifest(const Reference& image, std::stop_token stop) override {
    return reader_.manifest(image, std::move(stop));
  }
  Result<FetchedManifest> child(const Reference& image, const Descriptor& child,
                                std::stop_token stop) override {
    return reader_.child(image, child, std::move(stop));
  }
  // NOLINTNEXTLINE(readability-function-size): the port's signature
  Result<> blob(const Reference& image, const Descriptor& blob, std::uint64_t offset,
                const ByteSink& sink, std::stop_token stop) override {
    return reader_.blob(image, blob, offset, sink, std::move(stop));
  }
  void distrust(const Digest& blob) override { reader_.distrust(blob); }
  Result<BlobState> probe(const Reference& image, const Descriptor& blob,
                          std::stop_token stop) override {
    return reader_.probe(image, blob, std::move(stop));
  }
  Result<std::optional<Digest>> ask_digest(const Reference& tag, std::stop_token stop) override {
    return reader_.ask_digest(tag, std::move(stop));
  }
  Result<std::optional<FetchedManifest>> referrers(const Reference& image, const Digest& subject,
                                                   const std::string& artifact_type,
                                                   std::stop_token stop) override {
    return reader_.referrers(image, subject, artifact_type, std::move(stop));
  }
  [[nodiscard]] std::optional<RateLimit> rate_limit(const Reference& image) const override {
    return reader_.rate_limit(image);
  }
  [[nodiscard]] std::string personal_credentials(const Reference& image) const override {
    return reader_.personal_credentials(image);
  }

 private:
  FakeKeychain keys_;
  registry::Access access_;
  registry::HttpRegistry reader_;
  registry::HttpRegistryWriter writer_;
};

// The login of one user.
inline registry::Credentials login(std::string username, std::string password) {
  registry::Credentials credentials;
  credentials.username = std::move(username);
  credentials.password = std::move(password);
  return credentials;
}

}  // namespace nodeproof::fakes
