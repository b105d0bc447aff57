#include "agent/registry/layered_registry.hpp"

#include <utility>

namespace nodeproof::registry {
namespace {

// The registry said nothing about the tag, as opposed to: there is no such tag, or it is damaged.
bool was_not_asked(Errc code) {
  switch (code) {
    case Errc::unreachable:
    case Errc::timeout:
    case Errc::untrusted:
    case Errc::unauthorized:
    case Errc::throttled:
    case Errc::server_error:
    case Errc::not_a_registry:
    case Errc::truncated:
      return true;
    default:
      return false;
  }
}

// The registry's error, and what a source adds to it.
Error both(Error remote, const Error& source) {
  remote.message += "; from the sources: " + source.message;
  if (remote.remedy.empty()) remote.remedy = source.remedy;
  return remote;
}

FetchedManifest unconfirmed(FetchedManifest manifest, Error why) {
  manifest.unconfirmed = std::move(why);
  return manifest;
}

}  // namespace

std::optional<Error> LayeredRegistry::known_silent(const Reference& reference) {
  const std::lock_guard lock(mutex_);
  const auto known = unreachable_.find(reference.domain());
  return known == unreachable_.end() ? std::nullopt : std::optional(known->second);
}

Result<FetchedManifest> LayeredRegistry::manifest(const Reference& reference,
                                                  std::stop_token stop) {
  if (reference.digest()) {
    auto near = sources_.manifest(reference, stop);
    if (near || near.error().code == Errc::cancelled) return near;
    auto far = remote_.manifest(reference, std::move(stop));
    if (far) return far;
    return std::unexpected(both(std::move(far).error(), near.error()));
  }
  const auto silent = known_silent(reference);
  if (silent) {
    if (auto near = sources_.manifest(reference, stop))
      return unconfirmed(*std::move(near), *silent);
  }
  auto far = remote_.manifest(reference, stop);
  if (far || !was_not_asked(far.error().code)) return far;
  if (far.error().code == Errc::unreachable || far.error().code == Errc::timeout) {
    const std::lock_guard lock(mutex_);
    unreachable_.emplace(reference.domain(), far.error());
  }
  auto near = sources_.manifest(reference, std::move(stop));
  if (!near) return std::unexpected(both(std::move(far).error(), near.error()));
  return unconfirmed(*std::move(near), std::move(far).error());
}

Result<FetchedManifest> LayeredRegistry::child(const Reference& reference, const Descriptor& child,
                                               std::stop_token stop) {
  auto near = sources_.child(reference, child, stop);
  if (near || near.error().code == Errc::cancelled) return near;
  auto far = remote_.child(reference, child, std::move(stop));
  if (far) return far;
  return std::unexpected(both(std::move(far).error(), near.error()));
}

// NOLINTNEXTLINE(readability-function-size): the port's signature
Result<> LayeredRegistry::blob(const Reference& reference, const Descriptor& blob,
                               std::uint64_t offset, const ByteSink& sink, std::stop_token stop) {
  std::uint64_t position = offset;
  bool sink_refused = false;
  const ByteSink counted = [&](Bytes bytes) -> Result<> {
    auto taken = sink(bytes);
    sink_refused = !taken;
    if (taken) position += bytes.size();
    return taken;
  };
  auto near = sources_.blob(reference, blob, offset, counted, stop);
  if (near || sink_refused || near.error().code == Errc::cancelled) return near;
  auto far = remote_.blob(reference, blob, position, counted, std::move(stop));
  if (far || sink_refused || near.error().code == Errc::not_found) return far;
  return std::unexpected(both(std::move(far).error(), near.error()));
}

void LayeredRegistry::distrust(const Digest& blob) {
  sources_.distrust(blob);
  remote_.distrust(blob);
}

Result<std::optional<Digest>> LayeredRegistry::ask_digest(const Reference& tag,
                                                          std::stop_token stop) {
  return remote_.ask_digest(tag, std::move(stop));
}

Result<BlobState> LayeredRegistry::probe(const Reference& reference, const Descriptor& blob,
                                         std::stop_token stop) {
  auto near = sources_.probe(reference, blob, stop);
  if (near && *near == BlobState::whole) return near;
  return remote_.probe(reference, blob, std::move(stop));
}

}  // namespace nodeproof::registry
