#include "agent/resolve/zstd_twin.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "common/oci.hpp"

namespace nodeproof::resolve {
namespace {

// containers/image's mark on an index entry.
constexpr const char* kMark = "io.github.containers.compression.zstd";

bool is_marked(const Descriptor& entry) {
  const auto mark = entry.annotations.find(kMark);
  return mark != entry.annotations.end() && mark->second == "true";
}

std::uint64_t size_of(const Manifest& manifest) {
  return std::accumulate(
      manifest.layers.begin(), manifest.layers.end(), std::uint64_t{0},
      [](std::uint64_t sum, const Descriptor& layer) { return sum + layer.size; });
}

bool is_zstd(const Descriptor& layer) {
  return media_type::is_layer(layer.media_type) && layer.media_type.ends_with("zstd");
}

bool is_twin(const Manifest& one, const Manifest& other) {
  return other.config.digest == one.config.digest && other.layers.size() == one.layers.size() &&
         std::ranges::all_of(other.layers, is_zstd) && size_of(other) < size_of(one);
}

std::optional<Descriptor> marked_entry(const ResolvedImage& image) {
  if (!image.index || is_marked(image.manifest)) return {};
  const auto document = parse_image_document(image.index_bytes, image.index->media_type);
  if (!document || !std::holds_alternative<Index>(*document)) return {};
  for (const Descriptor& entry : std::get<Index>(*document).manifests) {
    if (is_marked(entry) && entry.platform == image.manifest.platform) return entry;
  }
  return {};
}

}  // namespace

ResolvedImage zstd_twin(Registry& registry, ResolvedImage image, const std::stop_token& stop) {
  const auto entry = marked_entry(image);
  if (!entry) return image;
  auto fetched = registry.child(image.reference, *entry, stop);
  if (!fetched) return image;
  auto parsed = parse_image_document(fetched->bytes, fetched->descriptor.media_type);
  if (!parsed || !std::holds_alternative<Manifest>(*parsed)) return image;
  auto& twin = std::get<Manifest>(*parsed);
  if (!is_twin(image.document, twin)) return image;
  image.choice += "; the same image is fetched in its zstd form, " + entry->digest.short_str();
  image.twin_of = std::exchange(image.manifest, *entry);
  image.twin_of_bytes = std::exchange(image.manifest_bytes, std::move(fetched->bytes));
  image.manifest.media_type = twin.media_type;
  image.document = std::move(twin);
  return image;
}

}  // namespace nodeproof::resolve
