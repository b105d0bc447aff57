#include "agent/prepull/publish.hpp"

#include <algorithm>

#include "agent/prepull/pins.hpp"

namespace nodeproof::prepull {
namespace {

// Variants that containerd's matcher takes for a host that has none, or the architecture's default.
bool is_default_variant(const Platform& platform) {
  return platform.variant.empty() ||
         (platform.architecture == "arm64" && platform.variant == "v8") ||
         (platform.architecture == "amd64" && platform.variant == "v1");
}

// An entry that containerd's matcher might take on this host, whatever the variant.
bool might_match(const Descriptor& entry, const Platform& host) {
  if (is_attestation(entry)) return false;
  if (!entry.platform) return true;
  const Platform platform = normalize(*entry.platform);
  return platform.os == host.os && platform.architecture == host.architecture;
}

Labels record_labels(const ResolvedImage& image, const PublishOptions& options) {
  Labels labels = options.pin ? pin_labels(image.manifest.digest)
                              : Labels{{std::string(kProvenLabel), image.manifest.digest.str()}};
  // Without it CRI writes the sha256: record itself, but no repository digest.
  if (options.namespace_ == kCriNamespace) labels.emplace("io.cri-containerd.image", "managed");
  return labels;
}

}  // namespace

bool index_leads_to_manifest(const ResolvedImage& image, const Platform& host) {
  const auto document = parse_image_document(image.index_bytes, image.index->media_type);
  if (!document || !std::holds_alternative<Index>(*document)) return false;
  const Platform here = normalize(host);
  const Descriptor* only = nullptr;
  for (const Descriptor& entry : std::get<Index>(*document).manifests) {
    if (!might_match(entry, here)) continue;
    if (only != nullptr) return false;
    only = &entry;
  }
  if (only == nullptr || only->digest != image.manifest.digest || !only->platform) return false;
  const Platform chosen = normalize(*only->platform);
  return is_default_variant(chosen) || chosen.variant == here.variant;
}

std::vector<ImageRecord> records_for(const ResolvedImage& image, const PublishOptions& options,
                                     bool index_stored) {
  const bool cri = options.namespace_ == kCriNamespace;
  const bool by_index = image.index && index_stored && index_leads_to_manifest(image, options.host);
  const Descriptor& target = by_index ? *image.index : image.manifest;
  const Labels labels = record_labels(image, options);
  std::vector<ImageRecord> records;
  const auto add = [&](std::string name) {
    if (std::ranges::find(records, name, &ImageRecord::name) == records.end()) {
      records.push_back({std::move(name), target, labels});
    }
  };
  if (cri) {
    add(image.document.config.digest.str());
    add(image.reference.name_with_digest(target.digest));
    // Pods pinned to the index's digest find the manifest too.
    if (image.index) add(image.reference.name_with_digest(image.index->digest));
  }
  add(image.reference.name());
  return records;
}

Result<> publish(const ResolvedImage& image, ImageStore& store, const PublishOptions& options) {
  const bool index_stored = image.index && TRY(store.blob(image.index->digest)).has_value();
  const std::vector<ImageRecord> records = records_for(image, options, index_stored);
  if (index_stored && records.back().target.digest == image.manifest.digest) {
    // Nothing else would hold the index, from which a damaged tag can be mended.
    TRY(store.label_blob(image.manifest.digest,
                         {{"containerd.io/gc.ref.content.index", image.index->digest.str()}}));
  }
  for (ImageRecord record : records) {
    if (const auto existing = TRY(store.image(record.name))) {
      record.labels.merge(foreign_pin(*existing));
    }
    TRY(store.put_image(record));
  }
  return store.delete_lease(options.lease_id, Release::lazily);
}

}  // namespace nodeproof::prepull
