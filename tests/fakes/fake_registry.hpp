// A whole registry in memory behind the Registry port, with faults on demand.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "agent/registry/registry.hpp"

namespace nodeproof {

// Keys of faults and counts are a digest ("sha256:..."), a tag ("docker.io/library/x:1", as
// Reference::name()) or, for a HEAD of it, "HEAD " and the tag. A fault of a tag is its HEAD's,
// too.
class FakeRegistry final : public Registry {
 public:
  static constexpr unsigned kAlways = std::numeric_limits<unsigned>::max();

  // ---- content ----
  Descriptor add(std::string bytes, std::string media_type);  // a blob or a manifest
  void tag(const std::string& reference,
           const Descriptor& manifest);  // any spelling of the reference
  void remove(const Digest& digest);
  void replace_bytes(const Digest& digest,
                     std::string bytes);  // what is stored no longer hashes to its digest

  // ---- faults ----
  void fail_with(const std::string& key, Error error, unsigned times = kAlways);
  // A blob's stream ends with Errc::truncated when it has sent its first `bytes` bytes (counted
  // from the blob's start).
  void break_off(const Digest& digest, std::uint64_t bytes, unsigned times = kAlways);

  // What probe() says of the blob instead of what is stored; blob() delivers nothing of a stale
  // one.
  void state(const Digest& digest, BlobState state);

  bool says_digests = true;                  // to a HEAD
  std::optional<RateLimit> says_limit;       // to whatever it is asked
  std::string credentials;                   // what personal_credentials() says
  std::function<void()> after_head = [] {};  // the tag may move now

  // ---- what was asked ----
  [[nodiscard]] unsigned requests(const std::string& key) const;
  [[nodiscard]] unsigned requests() const;
  [[nodiscard]] std::uint64_t blob_bytes_sent() const;

  // ---- the port ----
  Result<FetchedManifest> manifest(const Reference& reference, std::stop_token stop) override;
  Result<FetchedManifest> child(const Reference& reference, const Descriptor& child,
                                std::stop_token stop) override;
  Result<> blob(const Reference& reference, const Descriptor& blob, std::uint64_t offset,
                const ByteSink& sink, std::stop_token stop) override;
  Result<BlobState> probe(const Reference& reference, const Descriptor& blob,
                          std::stop_token stop) override;
  Result<std::optional<Digest>> ask_digest(const Reference& tag, std::stop_token stop) override;
  [[nodiscard]] std::optional<RateLimit> rate_limit(const Reference& reference) const override;
  [[nodiscard]] std::string personal_credentials(const Reference& /*reference*/) const override {
    return credentials;
  }

 private:
  struct Object {
    std::string bytes, media_type;
  };
  struct Fault {
    Error error;
    unsigned times = kAlways;
  };
  struct Cut {
    std::uint64_t bytes = 0;
    unsigned times = 0;
  };
  struct BlobStream {
    std::string bytes;
    bool breaks_off = false;
  };

  Result<> arrive(const std::string& key, const std::stop_token& stop);
  Result<FetchedManifest> fetch(const Digest& digest) const;
  Result<BlobStream> open_blob(const Digest& digest, std::uint64_t offset);

  mutable std::mutex mutex_;
  std::map<std::string, Object> objects_;  // by digest
  std::map<std::string, Digest> tags_;
  std::map<std::string, Fault> faults_;
  std::map<std::string, Cut> cuts_;          // by digest
  std::map<std::string, BlobState> states_;  // by digest
  std::map<std::string, unsigned> requests_;
  std::uint64_t blob_bytes_sent_ = 0;
};

}  // namespace nodeproof
