#include "tests/fakes/fake_registry.hpp"

#include <algorithm>
#include <cstdlib>

#include "common/crypto.hpp"

namespace nodeproof {
namespace {

constexpr std::size_t kChunk = 16384;  // small, so that tests see streams in pieces

}  // namespace

Descriptor FakeRegistry::add(std::string bytes, std::string media_type) {
  Descriptor descriptor{media_type, hash_of(as_bytes(bytes)), bytes.size(), {}, {}};
  const std::lock_guard lock(mutex_);
  objects_[descriptor.digest.str()] = {std::move(bytes), std::move(media_type)};
  return descriptor;
}

void FakeRegistry::tag(const std::string& reference, const Descriptor& manifest) {
  const auto parsed = Reference::parse(reference);
  if (!parsed || parsed->digest()) std::abort();
  const std::lock_guard lock(mutex_);
  tags_.insert_or_assign(parsed->name(), manifest.digest);
}

void FakeRegistry::remove(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  objects_.erase(digest.str());
}

void FakeRegistry::replace_bytes(const Digest& digest, std::string bytes) {
  const std::lock_guard lock(mutex_);
  objects_.at(digest.str()).bytes = std::move(bytes);
}

void FakeRegistry::fail_with(const std::string& key, Error error, unsigned times) {
  const std::lock_guard lock(mutex_);
  faults_[key] = {std::move(error), times};
}

void FakeRegistry::break_off(const Digest& digest, std::uint64_t bytes, unsigned times) {
  const std::lock_guard lock(mutex_);
  cuts_[digest.str()] = {bytes, times};
}

void FakeRegistry::state(const Digest& digest, BlobState state) {
  const std::lock_guard lock(mutex_);
  states_[digest.str()] = state;
}

unsigned FakeRegistry::requests(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = requests_.find(key);
  return found == requests_.end() ? 0 : found->second;
}

unsigned FakeRegistry::requests() const {
  const std::lock_guard lock(mutex_);
  unsigned sum = 0;
  for (const auto& [key, count] : requests_) sum += count;
  return sum;
}

std::uint64_t FakeRegistry::blob_bytes_sent() const {
  const std::lock_guard lock(mutex_);
  return blob_bytes_sent_;
}

// Counts the request and lets a planned fault happen.
Result<> FakeRegistry::arrive(const std::string& key, const std::stop_token& stop) {
  const std::lock_guard lock(mutex_);
  ++requests_[key];
  if (stop.stop_requested()) return fail(Errc::cancelled, "asked to stop");
  constexpr std::string_view kHead = "HEAD ";
  auto fault = faults_.find(key);
  if (fault == faults_.end() && key.starts_with(kHead)) {
    fault = faults_.find(key.substr(kHead.size()));
  }
  if (fault == faults_.end() || fault->second.times == 0) return {};
  if (fault->second.times != kAlways) --fault->second.times;
  return std::unexpected(fault->second.error);
}

Result<FetchedManifest> FakeRegistry::fetch(const Digest& digest) const {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(digest.str());
  if (found == objects_.end()) {
    return fail(Errc::not_found, "manifest " + digest.short_str() + " not found");
  }
  const auto& [bytes, media_type] = found->second;
  if (hash_of(as_bytes(bytes), digest.algorithm()) != digest) {
    return fail(Errc::digest_mismatch, "the bytes of " + digest.short_str() + " do not hash to it");
  }
  return FetchedManifest{{media_type, digest, bytes.size(), {}, {}}, bytes};
}

Result<FetchedManifest> FakeRegistry::manifest(const Reference& reference, std::stop_token stop) {
  TRY(arrive(reference.digest() ? reference.digest()->str() : reference.name(), stop));
  if (reference.digest()) return fetch(*reference.digest());
  std::optional<Digest> digest;
  {
    const std::lock_guard lock(mutex_);
    const auto found = tags_.find(reference.name());
    if (found != tags_.end()) digest = found->second;
  }
  if (!digest) return fail(Errc::not_found, "tag " + reference.name() + " not found");
  return fetch(*digest);
}

Result<std::optional<Digest>> FakeRegistry::ask_digest(const Reference& tag, std::stop_token stop) {
  TRY(arrive("HEAD " + tag.name(), stop));
  std::optional<Digest> digest;
  {
    const std::lock_guard lock(mutex_);
    const auto found = tags_.find(tag.name());
    if (found != tags_.end()) digest = found->second;
  }
  after_head();
  if (!digest) return fail(Errc::not_found, "tag " + tag.name() + " not found");
  return says_digests ? digest : std::nullopt;
}

std::optional<RateLimit> FakeRegistry::rate_limit(const Reference&) const {
  return requests() > 0 ? says_limit : std::nullopt;
}

Result<FetchedManifest> FakeRegistry::child(const Reference&, const Descriptor& child,
                                            std::stop_token stop) {
  TRY(arrive(child.digest.str(), stop));
  FetchedManifest fetched = TRY(fetch(child.digest));
  if (fetched.bytes.size() != child.size) {
    return fail(Errc::digest_mismatch,
                "manifest " + child.digest.short_str() + " has another size");
  }
  return fetched;
}

Result<FakeRegistry::BlobStream> FakeRegistry::open_blob(const Digest& digest,
                                                         std::uint64_t offset) {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(digest.str());
  if (found == objects_.end()) {
    return fail(Errc::not_found, "blob " + digest.short_str() + " not found");
  }
  std::uint64_t end = found->second.bytes.size();
  const auto state = states_.find(digest.str());
  if (state != states_.end() && state->second == BlobState::stale_cache) end = 0;
  bool breaks_off = false;
  if (const auto cut = cuts_.find(digest.str()); cut != cuts_.end() && cut->second.times > 0) {
    if (cut->second.times != kAlways) --cut->second.times;
    breaks_off = cut->second.bytes < end;
    end = std::min(end, cut->second.bytes);
  }
  if (offset > end) offset = end;
  return BlobStream{found->second.bytes.substr(offset, end - offset), breaks_off};
}

// NOLINTNEXTLINE(readability-function-size): the port's signature
Result<> FakeRegistry::blob(const Reference&, const Descriptor& blob, std::uint64_t offset,
                            const ByteSink& sink, std::stop_token stop) {
  TRY(arrive(blob.digest.str(), stop));
  const BlobStream stream = TRY(open_blob(blob.digest, offset));
  for (std::size_t at = 0; at < stream.bytes.size(); at += kChunk) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "asked to stop");
    const std::string_view chunk = std::string_view(stream.bytes).substr(at, kChunk);
    TRY(sink(as_bytes(chunk)));
    const std::lock_guard lock(mutex_);
    blob_bytes_sent_ += chunk.size();
  }
  if (stream.breaks_off || offset + stream.bytes.size() < blob.size) {
    return fail(Errc::truncated, "blob " + blob.digest.short_str() + " ended early");
  }
  return {};
}

Result<BlobState> FakeRegistry::probe(const Reference&, const Descriptor& blob,
                                      std::stop_token stop) {
  TRY(arrive(blob.digest.str(), stop));
  const std::lock_guard lock(mutex_);
  if (const auto told = states_.find(blob.digest.str()); told != states_.end()) {
    return told->second;
  }
  const auto found = objects_.find(blob.digest.str());
  if (found == objects_.end()) return BlobState::missing;
  const std::uint64_t size = found->second.bytes.size();
  if (size > blob.size) return fail(Errc::digest_mismatch, "the blob is longer than it should be");
  return size < blob.size ? BlobState::truncated : BlobState::whole;
}

}  // namespace nodeproof
