#include "tests/fakes/fake_image.hpp"

#include "common/crypto.hpp"
#include "common/json.hpp"

namespace nodeproof {
namespace {

void write_platform(json::Writer& writer, const Platform& platform) {
  writer.member("os", platform.os).member("architecture", platform.architecture);
  if (!platform.variant.empty()) writer.member("variant", platform.variant);
  if (!platform.os_version.empty()) writer.member("os.version", platform.os_version);
  if (!platform.os_features.empty()) writer.member("os.features", platform.os_features);
}

void write_descriptor(json::Writer& writer, const Descriptor& descriptor) {
  writer.begin_object();
  writer.member("mediaType", descriptor.media_type);
  writer.member("digest", descriptor.digest.str());
  writer.member("size", descriptor.size);
  if (descriptor.platform) {
    writer.key("platform").begin_object();
    write_platform(writer, *descriptor.platform);
    writer.end_object();
  }
  if (!descriptor.annotations.empty()) {
    writer.key("annotations").begin_object();
    for (const auto& [key, value] : descriptor.annotations) writer.member(key, value);
    writer.end_object();
  }
  writer.end_object();
}

void write_descriptors(json::Writer& writer, const std::vector<Descriptor>& descriptors) {
  writer.begin_array();
  for (const Descriptor& descriptor : descriptors) write_descriptor(writer, descriptor);
  writer.end_array();
}

}  // namespace

std::string config_json(const FakeImage& image) {
  json::Writer writer;
  writer.begin_object();
  write_platform(writer, image.platform);
  writer.key("config").begin_object();
  writer.member("Entrypoint", image.entrypoint).member("Env", image.env).end_object();
  writer.key("rootfs").begin_object().member("type", "layers").key("diff_ids").begin_array();
  for (const FakeLayer& layer : image.layers) {
    writer.string(hash_of(as_bytes(layer.unpacked.empty() ? layer.bytes : layer.unpacked)).str());
  }
  writer.end_array().end_object().end_object();
  return writer.str();
}

std::string manifest_json(const Descriptor& config, const std::vector<Descriptor>& layers) {
  json::Writer writer;
  writer.begin_object().member("schemaVersion", std::uint64_t{2});
  writer.member("mediaType", media_type::kOciManifest).key("config");
  write_descriptor(writer, config);
  writer.key("layers");
  write_descriptors(writer, layers);
  writer.end_object();
  return writer.str();
}

std::string index_json(const std::vector<Descriptor>& entries) {
  json::Writer writer;
  writer.begin_object().member("schemaVersion", std::uint64_t{2});
  writer.member("mediaType", media_type::kOciIndex).key("manifests");
  write_descriptors(writer, entries);
  writer.end_object();
  return writer.str();
}

Descriptor push_image(FakeRegistry& registry, const FakeImage& image) {
  std::vector<Descriptor> layers;
  for (const FakeLayer& layer : image.layers) {
    layers.push_back(registry.add(layer.bytes, layer.media_type));
  }
  const Descriptor config =
      registry.add(config_json(image), "application/vnd.oci.image.config.v1+json");
  Descriptor manifest =
      registry.add(manifest_json(config, layers), std::string(media_type::kOciManifest));
  manifest.platform = image.platform;
  return manifest;
}

Descriptor push_index(FakeRegistry& registry, const std::vector<Descriptor>& entries,
                      const std::string& reference) {
  Descriptor index = registry.add(index_json(entries), std::string(media_type::kOciIndex));
  if (!reference.empty()) registry.tag(reference, index);
  return index;
}

}  // namespace nodeproof
