#include "agent/resolve/local_first.hpp"

#include <optional>
#include <string>
#include <utility>

#include "common/crypto.hpp"

namespace nodeproof::resolve {
namespace {

constexpr std::uint64_t kMaxDocument = 8ULL << 20;  // bytes; manifests and configs are far smaller

// Nothing when it is not there, unreadable or not what its digest says: then the registry is asked.
std::optional<std::string> stored(ImageStore& store, const Descriptor& wanted,
                                  const std::stop_token& stop) {
  if (wanted.size > kMaxDocument) return std::nullopt;
  const auto info = store.blob(wanted.digest);
  if (!info || !*info || (*info)->size != wanted.size) return std::nullopt;
  std::string bytes;
  const auto read = store.read_blob(
      wanted.digest,
      [&bytes](Bytes piece) -> Result<> {
        bytes.append(as_text(piece));
        return {};
      },
      stop);
  if (!read || hash_of(as_bytes(bytes), wanted.digest.algorithm()) != wanted.digest) {
    return std::nullopt;
  }
  return bytes;
}

}  // namespace

Result<FetchedManifest> LocalFirstRegistry::manifest(const Reference& reference,
                                                     std::stop_token stop) {
  if (top_) return *top_;
  return remote_.manifest(reference, std::move(stop));
}

Result<FetchedManifest> LocalFirstRegistry::child(const Reference& reference,
                                                  const Descriptor& child, std::stop_token stop) {
  if (auto bytes = stored(store_, child, stop)) return FetchedManifest{child, *std::move(bytes)};
  return remote_.child(reference, child, std::move(stop));
}

// NOLINTNEXTLINE(readability-function-size): the port's signature
Result<> LocalFirstRegistry::blob(const Reference& reference, const Descriptor& blob,
                                  std::uint64_t offset, const ByteSink& sink,
                                  std::stop_token stop) {
  if (offset == 0) {
    if (const auto bytes = stored(store_, blob, stop)) return sink(as_bytes(*bytes));
  }
  return remote_.blob(reference, blob, offset, sink, std::move(stop));
}

Result<BlobState> LocalFirstRegistry::probe(const Reference& reference, const Descriptor& blob,
                                            std::stop_token stop) {
  return remote_.probe(reference, blob, std::move(stop));
}

}  // namespace nodeproof::resolve
