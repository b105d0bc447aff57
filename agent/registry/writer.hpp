// The RegistryWriter port: what a stage may change in an image registry (OCI distribution-spec 1.1,
// push).
#pragma once

#include <functional>
#include <optional>
#include <stop_token>

#include "agent/registry/registry.hpp"

namespace nodeproof {

// Gives the sink a whole blob from its first byte; called anew for every attempt.
using BlobContent = std::function<Result<>(const ByteSink& sink, std::stop_token stop)>;

struct BlobSource {
  const Reference& repository;  // where the blob is now
  BlobContent content;          // for a registry that cannot take it over from there
};

enum class BlobPush {
  present,   // its last byte is there already
  mounted,   // taken over from the other repository without a transfer
  uploaded,  // streamed through this node
};

// Safe to call from several threads. Nothing here moves a tag but put_manifest() with a tag.
class RegistryWriter {
 public:
  virtual ~RegistryWriter() = default;

  // Makes the blob part of the target's repository. Its bytes are hashed on their way; no blob is
  // held in memory.
  virtual Result<BlobPush> push_blob(const Reference& target, const Descriptor& blob,
                                     const BlobSource& source, std::stop_token stop) = 0;

  // Stores exactly these bytes under the reference's digest, or else under its tag. `replaces` is
  // what the tag is believed to name; a registry that checks it answers Errc::busy when it does
  // not.
  virtual Result<> put_manifest(const Reference& target, const FetchedManifest& document,
                                const std::optional<Digest>& replaces, std::stop_token stop) = 0;

  // What the tag names at this moment; nothing = there is no such tag.
  virtual Result<std::optional<Digest>> tag_digest(const Reference& tag, std::stop_token stop) = 0;

  // Deletes by the reference's digest, or else its tag only. Errc::unsupported when the registry
  // does not do that, not_found when there is no such thing.
  virtual Result<> remove(const Reference& reference, std::stop_token stop) = 0;
};

}  // namespace nodeproof
