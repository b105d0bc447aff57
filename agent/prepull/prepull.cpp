#include "agent/prepull/prepull.hpp"

#include <atomic>

#include "agent/prepull/blobs.hpp"
#include "agent/prepull/job_pool.hpp"
#include "agent/prepull/labels.hpp"
#include "agent/prepull/plan.hpp"
#include "common/crypto.hpp"

namespace nodeproof::prepull {
namespace {

constexpr std::uint64_t kProgressStep = 256 << 10;  // bytes between two reports

Result<> check_shape(const ResolvedImage& image) {
  const auto& layers = image.document.layers;
  if (layers.empty()) return fail(Errc::unsupported, "it has no layers to unpack");
  if (layers.size() != image.config.diff_ids.size()) {
    return fail(Errc::invalid_document,
                "its manifest has " + std::to_string(layers.size()) + " layers, its config " +
                    std::to_string(image.config.diff_ids.size()) + " diff IDs");
  }
  for (const Descriptor& layer : layers) {
    if (media_type::is_layer(layer.media_type)) continue;
    return fail(Errc::unsupported,
                "layer " + layer.digest.str() + " is of type " + layer.media_type);
  }
  return {};
}

// One image on its way into containerd.
class Pull {
 public:
  Pull(const ResolvedImage& image, const PullPorts& ports, const PullOptions& options)
      : image_(image),
        ports_(ports),
        options_(options),
        layers_(image.document.layers),
        chain_(chain_ids(image.config.diff_ids)),
        blobs_(image, ports, options.lease_id, [this](std::uint64_t bytes) { count(bytes); }) {}

  Result<PulledImage> run(const std::stop_token& stop) {
    const auto begin = std::chrono::steady_clock::now();
    TRY(ports_.store.create_lease(
        {options_.lease_id, {{std::string(kCandidateLabel), image_.reference.name()}}},
        options_.lease_lifetime));
    const std::vector<LayerState> states = TRY(look());
    plan_ = plan(layers_, states);
    TRY(fetch_and_unpack(stop));
    TRY(store_documents(stop));
    if (stop.stop_requested()) return fail(Errc::cancelled, "stopped");
    TRY(ports_.store.sync(chain_));
    PulledImage pulled{options_.lease_id, chain_, {}};
    pulled.stats = stats();
    pulled.stats.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return pulled;
  }

 private:
  // A snapshot's parents exist: the uppermost one tells of all below.
  Result<std::vector<LayerState>> look() {
    std::vector<LayerState> states(layers_.size());
    for (std::size_t above = layers_.size(); above > 0; --above) {
      if (TRY(ports_.store.has_snapshot(chain_[above - 1], options_.lease_id))) {
        for (std::size_t i = 0; i < above; ++i) states[i].unpacked = true;
        break;
      }
      states[above - 1].stored = TRY(ports_.store.blob(layers_[above - 1].digest)).has_value();
    }
    return states;
  }

  Result<> fetch_and_unpack(const std::stop_token& stop) {
    JobPool pool(
        options_.parallel, plan_.jobs.size(),
        [this](std::size_t number, const std::stop_token& token) {
          return fetch(plan_.jobs[number], token);
        },
        stop);
    std::uint64_t unpacked = 0;
    for (const std::size_t layer : plan_.unpack) {
      TRY(pool.wait(plan_.job_of[layer]));
      TRY(unpack(layer, stop));
      report({options_.title, Phase::unpack, ++unpacked, plan_.unpack.size()});
    }
    return pool.wait_for_all();
  }

  Result<> fetch(const BlobJob& job, const std::stop_token& stop) {
    Result<> fetched = job.need == Need::nothing ? blobs_.inspect_layer(job.layer, stop)
                                                 : blobs_.store_layer(job.layer, stop);
    if (fetched) return fetched;
    return std::unexpected(
        std::move(fetched).error().with_context("layer " + layers_[job.layer].digest.str()));
  }

  Result<> unpack(std::size_t layer, const std::stop_token& stop) {
    const UnpackRequest request{
        .layer = layers_[layer],
        .diff_id = image_.config.diff_ids[layer],
        .parent = layer == 0 ? std::nullopt : std::optional(chain_[layer - 1]),
        .chain_id = chain_[layer],
        .lease = options_.lease_id};
    return ports_.store.unpack(request, stop);
  }

  // Children before the parent whose labels hold them.
  Result<> store_documents(const std::stop_token& stop) {
    TRY(blobs_.store_document(image_.document.config, image_.config_bytes,
                              config_labels(options_.snapshotter, chain_.back()), stop));
    TRY(blobs_.store_document(image_.manifest, image_.manifest_bytes,
                              manifest_labels(image_.document), stop));
    if (!image_.index) return {};
    const auto index = TRY(parse_image_document(image_.index_bytes, image_.index->media_type));
    if (!std::holds_alternative<Index>(index)) return {};
    return blobs_.store_document(*image_.index, image_.index_bytes,
                                 index_labels(std::get<Index>(index)), stop);
  }

  void count(std::uint64_t bytes) {
    const std::uint64_t before = downloaded_.fetch_add(bytes);
    const std::uint64_t now = before + bytes;
    if (now / kProgressStep == before / kProgressStep && now != plan_.download_bytes) return;
    report({options_.title, Phase::pull, now, plan_.download_bytes});
  }

  void report(const Progress& progress) const {
    if (ports_.progress) ports_.progress(progress);
  }

  [[nodiscard]] PullStats stats() const {
    PullStats stats;
    stats.bytes = image_.document.config.size + image_.manifest.size;
    if (image_.index) stats.bytes += image_.index->size;
    for (const Descriptor& layer : layers_) stats.bytes += layer.size;
    stats.downloaded_bytes = downloaded_;
    stats.layers = static_cast<unsigned>(layers_.size());
    stats.reused_layers = static_cast<unsigned>(layers_.size() - plan_.unpack.size());
    return stats;
  }

  const ResolvedImage& image_;
  const PullPorts& ports_;
  const PullOptions& options_;
  const std::vector<Descriptor>& layers_;
  std::vector<Digest> chain_;
  PullPlan plan_;
  std::atomic<std::uint64_t> downloaded_ = 0;
  BlobPuller blobs_;
};

}  // namespace

std::string lease_id_for(const Reference& image) {
  return "nodeproof-" + std::string(hash_of(as_bytes(image.name())).hex().substr(0, 16));
}

Result<PulledImage> prepull(const ResolvedImage& image, const PullPorts& ports,
                            const PullOptions& options, const std::stop_token& stop) {
  PullOptions chosen = options;
  if (chosen.lease_id.empty()) chosen.lease_id = lease_id_for(image.reference);
  if (chosen.title.empty()) chosen.title = image.reference.name();
  const std::string context = "pulling " + image.reference.name() + " (" +
                              to_string(normalize(image.config.platform)) + ")";
  if (auto shape = check_shape(image); !shape) {
    return std::unexpected(std::move(shape).error().with_context(context));
  }
  Result<PulledImage> pulled = Pull(image, ports, chosen).run(stop);
  if (pulled) return pulled;
  Error error = std::move(pulled).error();
  if (error.code == Errc::digest_mismatch || error.code == Errc::no_space) {
    // What came is of no use, or in the way. Should this fail: the lease ends by itself, too.
    static_cast<void>(ports.store.delete_lease(chosen.lease_id, Release::at_once));
  }
  return std::unexpected(std::move(error).with_context(context));
}

Result<> release(ImageStore& store, const std::string& lease_id) {
  return store.delete_lease(lease_id, Release::at_once);
}

}  // namespace nodeproof::prepull
