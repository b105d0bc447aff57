#include "tests/unit/prepull/pull_rig.hpp"

#include <cstdlib>

namespace nodeproof::prepull {

std::string layer_bytes(std::size_t size, char seed) {
  std::string bytes(size, seed);
  for (std::size_t i = 0; i < size; i += 7)
    bytes[i] = static_cast<char>(seed + static_cast<char>(i % 31));
  return bytes;
}

FakeImage image_with_layers(const std::vector<std::string>& layers) {
  FakeImage image;
  image.layers.clear();
  for (const std::string& bytes : layers) {
    image.layers.push_back({bytes, "", "application/vnd.oci.image.layer.v1.tar"});
  }
  return image;
}

ResolvedImage push_resolved(FakeRegistry& registry, const std::string& reference,
                            const FakeImage& image) {
  const Descriptor manifest = push_image(registry, image);
  const Descriptor index = push_index(registry, {manifest}, reference);
  auto parsed = Reference::parse(reference);
  if (!parsed) std::abort();
  const std::string manifest_bytes = registry.child(*parsed, manifest, {})->bytes;
  auto document = parse_image_document(manifest_bytes, manifest.media_type);
  auto config = parse_image_config(config_json(image));
  if (!document || !config) std::abort();
  return {.reference = *parsed,
          .index = index,
          .index_bytes = registry.child(*parsed, index, {})->bytes,
          .manifest = manifest,
          .manifest_bytes = manifest_bytes,
          .document = std::get<Manifest>(*document),
          .config_bytes = config_json(image),
          .config = *config,
          .available = {},
          .choice = "the only one",
          .findings = {}};
}

class Recorder final : public LayerObserver {
 public:
  Recorder(Observations& all, std::string digest) : all_(all), digest_(std::move(digest)) {
    const std::lock_guard lock(all_.mutex_);
    auto& seen = all_.seen_[digest_];
    ++seen.made;
    seen.bytes.clear();
  }
  ~Recorder() override {
    const std::lock_guard lock(all_.mutex_);
    if (!finished_) ++all_.seen_[digest_].broken;
  }
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void write(Bytes bytes) override {
    const std::lock_guard lock(all_.mutex_);
    all_.seen_[digest_].bytes += as_text(bytes);
  }
  void finish() override {
    const std::lock_guard lock(all_.mutex_);
    finished_ = true;
    ++all_.seen_[digest_].finished;
  }

 private:
  Observations& all_;
  std::string digest_;
  bool finished_ = false;
};

LayerObserverFactory Observations::factory() {
  return [this](const Descriptor& layer, const Digest&) -> std::unique_ptr<LayerObserver> {
    {
      const std::lock_guard lock(mutex_);
      if (known_[layer.digest.str()]) return nullptr;
    }
    return std::make_unique<Recorder>(*this, layer.digest.str());
  };
}

void Observations::know(const Digest& layer) {
  const std::lock_guard lock(mutex_);
  known_[layer.str()] = true;
}

Observations::Seen Observations::of(const Digest& layer) const {
  const std::lock_guard lock(mutex_);
  const auto found = seen_.find(layer.str());
  return found == seen_.end() ? Seen{} : found->second;
}

Result<PulledImage> PullRig::pull(const ResolvedImage& image, const std::stop_token& stop) {
  return prepull(image, {registry, store, observers, progress}, options, stop);
}

}  // namespace nodeproof::prepull
