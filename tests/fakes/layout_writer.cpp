#include "tests/fakes/layout_writer.hpp"

#include <fstream>
#include <utility>

#include "common/crypto.hpp"
#include "common/json.hpp"
#include "tests/fakes/tar_writer.hpp"

namespace nodeproof::fakes {
namespace {

std::string index_json_of(const std::vector<Descriptor>& entries) {
  json::Writer writer;
  writer.begin_object().member("schemaVersion", std::uint64_t{2}).key("manifests").begin_array();
  for (const Descriptor& entry : entries) {
    writer.begin_object().member("mediaType", entry.media_type);
    writer.member("digest", entry.digest.str()).member("size", entry.size);
    writer.key("annotations").begin_object();
    for (const auto& [key, value] : entry.annotations) writer.member(key, value);
    writer.end_object().end_object();
  }
  writer.end_array().end_object();
  return writer.str();
}

}  // namespace

std::string LayoutWriter::path_of(const Digest& digest) {
  return "blobs/sha256/" + std::string(digest.hex());
}

Descriptor LayoutWriter::blob(std::string bytes, std::string media_type) {
  Descriptor made{std::move(media_type), hash_of(as_bytes(bytes)), bytes.size(), {}, {}};
  files[path_of(made.digest)] = std::move(bytes);
  return made;
}

Descriptor LayoutWriter::image(const FakeImage& image) {
  const Descriptor config = blob(config_json(image), "application/vnd.oci.image.config.v1+json");
  std::vector<Descriptor> layers;
  for (const FakeLayer& layer : image.layers) layers.push_back(blob(layer.bytes, layer.media_type));
  Descriptor made = blob(manifest_json(config, layers), std::string(media_type::kOciManifest));
  made.platform = image.platform;
  return made;
}

Descriptor LayoutWriter::index(const std::vector<Descriptor>& entries) {
  return blob(index_json(entries), std::string(media_type::kOciIndex));
}

LayoutWriter& LayoutWriter::entry(Descriptor descriptor,
                                  std::map<std::string, std::string> annotations) {
  descriptor.annotations = std::move(annotations);
  entries_.push_back(std::move(descriptor));
  return *this;
}

std::map<std::string, std::string> LayoutWriter::all() const {
  auto all = files;
  all.emplace("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  all.emplace("index.json", index_json_of(entries_));
  return all;
}

void LayoutWriter::to_folder(const std::filesystem::path& folder) const {
  for (const auto& [name, bytes] : all()) {
    std::filesystem::create_directories((folder / name).parent_path());
    std::ofstream(folder / name, std::ios::binary) << bytes;
  }
}

std::string LayoutWriter::tar() const {
  TarWriter writer;
  writer.directory("blobs/").directory("blobs/sha256/");
  for (const auto& [name, bytes] : all()) writer.file(name, bytes);
  return writer.str();
}

}  // namespace nodeproof::fakes
