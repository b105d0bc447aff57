// The Registry port: what a stage may ask of an image registry (OCI distribution-spec 1.1, pull).
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "agent/model.hpp"
#include "common/bytes.hpp"
#include "common/oci.hpp"
#include "common/reference.hpp"

namespace nodeproof {

struct FetchedManifest {
  Descriptor descriptor;  // digest computed from the bytes
  std::string bytes;
  // A tag's document of a local source, and why the registry, whose word it is, did not give it.
  std::optional<Error> unconfirmed = {};
};

// What a registry can deliver of a blob. Whatever else keeps us from knowing is an Error.
enum class BlobState {
  whole,        // its last byte came, at the right place
  missing,      // 404
  truncated,    // it has fewer bytes than its descriptor says
  stale_cache,  // it announces the blob and delivers nothing: a cache outlived what it describes
  announced,    // the request for the last byte was answered with the whole blob of the right
                // length; a stale cache would say the same, so that only reading it tells more
};

// Safe to call from several threads. Every byte handed out was asked for; whole documents are
// already hashed.
class Registry {
 public:
  virtual ~Registry() = default;

  // The index or manifest behind the reference's tag or digest.
  virtual Result<FetchedManifest> manifest(const Reference& reference, std::stop_token stop) = 0;

  // A child by its descriptor; its size and digest are checked.
  virtual Result<FetchedManifest> child(const Reference& reference, const Descriptor& child,
                                        std::stop_token stop) = 0;

  // Streams a blob from offset (< size) to its end. Checks the number of bytes, not their digest:
  // the caller hashes, for it may hold the beginning already.
  virtual Result<> blob(const Reference& reference, const Descriptor& blob, std::uint64_t offset,
                        const ByteSink& sink, std::stop_token stop) = 0;

  // What blob() delivered last did not hash to its digest: where several hosts have it, the next
  // blob() begins with another one.
  virtual void distrust(const Digest& /*blob*/) {}

  // Asks for the blob's last byte (its size is > 0), in one request where nothing goes wrong. A
  // HEAD proves less: registries answer it from a cache. Errc::digest_mismatch when the registry
  // holds more bytes than it should; every other error leaves the state unknown.
  virtual Result<BlobState> probe(const Reference& reference, const Descriptor& blob,
                                  std::stop_token stop) = 0;

  // What a tag names, by one HEAD. Nothing: the registry does not say so, and manifest() tells.
  // Errc::not_found when there is no such tag. It proves nothing about the bytes.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): the port's signature
  virtual Result<std::optional<Digest>> ask_digest(const Reference&, std::stop_token) {
    return std::optional<Digest>();
  }

  // The index of what refers to a digest of the reference's repository and is of this artifact
  // type, or of any where the registry does not choose (distribution-spec, "Listing Referrers").
  // Nothing: the registry does not tell, and the tag schema does.
  // NOLINTBEGIN(performance-unnecessary-value-param): the port's signature
  virtual Result<std::optional<FetchedManifest>> referrers(const Reference&, const Digest&,
                                                           const std::string& /*artifact_type*/,
                                                           std::stop_token) {
    return std::optional<FetchedManifest>();
  }
  // NOLINTEND(performance-unnecessary-value-param)

  // What the reference's registry said last about how often it may be asked, if it did.
  [[nodiscard]] virtual std::optional<RateLimit> rate_limit(const Reference& /*reference*/) const {
    return std::nullopt;
  }

  // Where the credentials come from that the reference's repository was asked with and that not
  // every pod on this node may use; "" = it was not asked so.
  [[nodiscard]] virtual std::string personal_credentials(const Reference& /*reference*/) const {
    return "";
  }
};

}  // namespace nodeproof
