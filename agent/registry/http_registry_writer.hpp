// The RegistryWriter port over HTTP(S).
#pragma once

#include <string>

#include "agent/registry/orders.hpp"
#include "agent/registry/retry.hpp"
#include "agent/registry/writer.hpp"

namespace nodeproof::registry {

// Errors name the image, who answered and what to do: unauthorized, throttled, unreachable,
// untrusted, timeout, server_error, not_found, invalid_document (the registry refuses the content),
// digest_mismatch, busy, unsupported, cancelled. What passes by itself is tried a few times.
class HttpRegistryWriter final : public RegistryWriter {
 public:
  // Both outlive it; `reader` asks the registries themselves, not their mirrors.
  HttpRegistryWriter(Access& access, Registry& reader, const RetryPolicy& retry = {})
      : access_(access), orders_(access), reader_(reader), retry_(retry) {}
  HttpRegistryWriter(const HttpRegistryWriter&) = delete;
  HttpRegistryWriter& operator=(const HttpRegistryWriter&) = delete;
  ~HttpRegistryWriter() override = default;

  Result<BlobPush> push_blob(const Reference& target, const Descriptor& blob,
                             const BlobSource& source, std::stop_token stop) override;
  Result<> put_manifest(const Reference& target, const FetchedManifest& document,
                        const std::optional<Digest>& replaces, std::stop_token stop) override;
  Result<std::optional<Digest>> tag_digest(const Reference& tag, std::stop_token stop) override;
  Result<> remove(const Reference& reference, std::stop_token stop) override;

 private:
  struct Session {
    bool mounted = false;
    HttpUrl location;    // where to upload to, unless mounted
    std::string led_by;  // who named it
  };
  [[nodiscard]] bool is_present(const Reference& target, const Descriptor& blob,
                                const std::stop_token& stop);
  Result<Session> open_session(const Host& target, const Descriptor& blob,
                               const Reference* mount_from, const std::stop_token& stop);
  Result<> upload(const Host& target, const Session& session, const UploadBody& body,
                  const std::stop_token& stop);
  Result<BlobPush> push_once(const Reference& target, const Descriptor& blob,
                             const BlobSource& source, const std::stop_token& stop);
  Result<OrderAnswer> send_once(const Order& order, const std::stop_token& stop);
  Result<OrderAnswer> send(const Order& order, const std::stop_token& stop);

  Access& access_;
  Orders orders_;
  Registry& reader_;
  RetryPolicy retry_;
};

}  // namespace nodeproof::registry
