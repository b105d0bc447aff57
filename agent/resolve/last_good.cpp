#include "agent/resolve/last_good.hpp"

#include <set>
#include <utility>

#include "agent/resolve/assemble.hpp"
#include "agent/resolve/local_first.hpp"
#include "agent/resolve/resolve.hpp"

namespace nodeproof::resolve {
namespace {

std::string_view words_of(BlobState state) {
  switch (state) {
    case BlobState::missing:
      return "missing";
    case BlobState::truncated:
      return "cut off";
    case BlobState::stale_cache:
      return "announced and not delivered";
    case BlobState::whole:
    case BlobState::announced:
      break;
  }
  return "";
}

// An absent document and a wrong one are damage; silence is not.
Error as_damage(Error error) {
  const bool damage = error.code == Errc::not_found || error.code == Errc::digest_mismatch;
  if (damage) error.code = Errc::corrupt;
  return error;
}

}  // namespace

Result<ResolvedImage> resolve_last_good(const ProvenImage& proven, const Reference& reference,
                                        const LastGoodSources& sources,
                                        const std::stop_token& stop) {
  LocalFirstRegistry documents(sources.registry, sources.store);
  const auto config = [&](const Descriptor& wanted) {
    const auto fetch = [&](const ByteSink& sink) {
      return documents.blob(reference, wanted, 0, sink, stop);
    };
    return collect(wanted, fetch);
  };
  const auto read = [&](const Descriptor& wanted) -> Result<std::string> {
    const bool is_index = proven.index && wanted.digest == proven.index->digest;
    if (!is_index && wanted.digest != proven.manifest.digest) return config(wanted);
    auto kept =
        is_index ? sources.ledger.index_bytes(proven) : sources.ledger.manifest_bytes(proven);
    if (kept) return *std::move(kept);
    auto fetched = documents.child(reference, wanted, stop);
    if (!fetched) return std::unexpected(std::move(fetched).error());
    return std::move(fetched->bytes);
  };
  auto image = rebuild(proven, reference, read);
  if (!image) {
    return std::unexpected(
        std::move(image).error().with_context("the variant proven last of " + reference.name()));
  }
  return image;
}

Result<> still_delivered(Registry& registry, const ResolvedImage& image,
                         const std::stop_token& stop) {
  const auto manifest = registry.child(image.reference, image.manifest, stop);
  if (!manifest) return std::unexpected(as_damage(manifest.error()));
  std::vector<Descriptor> blobs = image.document.layers;
  blobs.push_back(image.document.config);
  std::set<std::string> asked;
  for (const Descriptor& blob : blobs) {
    if (blob.size == 0 || !asked.insert(blob.digest.str()).second) continue;
    const auto state = registry.probe(image.reference, blob, stop);
    if (!state) return std::unexpected(as_damage(state.error()));
    if (const auto what = words_of(*state); !what.empty()) {
      return fail(Errc::corrupt, "blob " + blob.digest.str() + " is " + std::string(what));
    }
  }
  return {};
}

}  // namespace nodeproof::resolve
