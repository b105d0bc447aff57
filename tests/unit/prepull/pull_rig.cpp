#include "tests/unit/prepull/pull_rig.hpp"

#include <cstdlib>

#include "common/crypto.hpp"
#include "common/layer_reader.hpp"

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

// The rig's layers are plain tars: what is stored is what is inflated.
class Recorder final : public LayerObserver {
 public:
  // digest: "" = it only hands on.
  Recorder(Observations& all, std::string digest, PlainSink* plain)
      : all_(all), digest_(std::move(digest)), plain_(plain) {
    if (digest_.empty()) return;
    const std::lock_guard lock(all_.mutex_);
    auto& seen = all_.seen_[digest_];
    ++seen.made;
    seen.bytes.clear();
  }
  ~Recorder() override {
    if (finished_) return;
    if (plain_ != nullptr) plain_->end(fail(Errc::cancelled, "the download broke off"));
    const std::lock_guard lock(all_.mutex_);
    if (!digest_.empty()) ++all_.seen_[digest_].broken;
  }
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void write(Bytes bytes) override {
    if (plain_ != nullptr) {
      hasher_.update(bytes);
      total_ += bytes.size();
      wanted_ = wanted_ && plain_->write(bytes);
    }
    const std::lock_guard lock(all_.mutex_);
    if (!digest_.empty()) all_.seen_[digest_].bytes += as_text(bytes);
  }
  void finish() override {
    finished_ = true;
    if (plain_ != nullptr) plain_->end(PlainTarEnd{hasher_.finish(), total_});
    const std::lock_guard lock(all_.mutex_);
    if (!digest_.empty()) ++all_.seen_[digest_].finished;
  }

 private:
  Observations& all_;
  std::string digest_;
  PlainSink* plain_;
  Hasher hasher_;
  std::uint64_t total_ = 0;
  bool wanted_ = true;
  bool finished_ = false;
};

LayerObserverFactory Observations::factory() {
  return [this](const ObservedLayer& layer) -> std::unique_ptr<LayerObserver> {
    bool known = false;
    {
      const std::lock_guard lock(mutex_);
      known = known_[layer.blob.digest.str()];
    }
    if (known && layer.plain == nullptr) return nullptr;
    return std::make_unique<Recorder>(*this, known ? "" : layer.blob.digest.str(), layer.plain);
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
  return prepull(image, {registry, store, observers, progress, {}, nullptr, unpack}, options, stop);
}

}  // namespace nodeproof::prepull
