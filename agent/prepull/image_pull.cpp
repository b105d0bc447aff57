#include "agent/prepull/image_pull.hpp"

#include <algorithm>

#include "agent/prepull/labels.hpp"

namespace nodeproof::prepull {
namespace {

WantedImage completed(WantedImage wanted) {
  const Reference& reference = wanted.image.reference;
  if (wanted.lease_id.empty()) wanted.lease_id = lease_id_for(reference);
  if (wanted.title.empty()) wanted.title = reference.name();
  return wanted;
}

}  // namespace

ImagePull::ImagePull(WantedImage wanted, const PullPorts& ports, const SetOptions& options)
    : wanted_(completed(std::move(wanted))),
      ports_(ports),
      options_(options),
      chain_(chain_ids(wanted_.image.config.diff_ids)),
      staging_(ports.store, ports.unpack, options.snapshotter == "overlayfs"),
      blobs_(wanted_.image, ports, wanted_.lease_id, &staging_) {}

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

// A snapshot's parents exist: the uppermost one tells of all below.
Result<ImageLayers> what_is_here(const ResolvedImage& image, ImageStore& store,
                                 const UnpackedSizes& sizes, const std::string& lease) {
  TRY(check_shape(image));
  const auto& layers = image.document.layers;
  ImageLayers found{layers, chain_ids(image.config.diff_ids),
                    std::vector<LayerState>(layers.size())};
  for (std::size_t above = layers.size(); above > 0; --above) {
    if (TRY(store.has_snapshot(found.chain[above - 1], lease))) {
      for (std::size_t i = 0; i < above; ++i) found.states[i].unpacked = true;
      break;
    }
    LayerState& state = found.states[above - 1];
    state.stored = TRY(store.blob(layers[above - 1].digest)).has_value();
    if (!state.stored) state.begun = TRY(store.begun(layers[above - 1], {}));
    if (sizes) state.size = sizes(layers[above - 1]);
  }
  return found;
}

Result<ImageLayers> ImagePull::look() {
  TRY(check_shape(image()));
  TRY(ports_.store.create_lease(
      {wanted_.lease_id, {{std::string(kCandidateLabel), image().reference.name()}}},
      options_.lease_lifetime));
  auto found = TRY(what_is_here(image(), ports_.store, ports_.sizes, wanted_.lease_id));
  reused_layers_ =
      static_cast<unsigned>(std::ranges::count(found.states, true, &LayerState::unpacked));
  return found;
}

Result<> ImagePull::unpack(std::size_t layer, const std::stop_token& stop) {
  const UnpackRequest request = blobs_.unpack_request(layer);
  if (!staging_.holds(request.chain_id)) TRY(blobs_.stage_layer(layer, stop));
  if (TRY(staging_.place(request))) return {};
  TRY(ports_.store.unpack(request, stop));
  staging_.unpacked_by_containerd();
  return {};
}

Result<> ImagePull::hold_unpacked(std::size_t layer) {
  if (TRY(ports_.store.has_snapshot(chain_[layer], wanted_.lease_id))) return {};
  return fail(Errc::io, "snapshot " + chain_[layer].str() + " has vanished from containerd");
}

Result<PulledImage> ImagePull::finish(const std::stop_token& stop) {
  TRY(store_documents(stop));
  if (stop.stop_requested()) return fail(Errc::cancelled, "stopped");
  TRY(ports_.store.sync(chain_));
  return PulledImage{wanted_.lease_id, chain_, stats()};
}

// Children before the parent whose labels hold them.
Result<> ImagePull::store_documents(const std::stop_token& stop) {
  TRY(blobs_.store_document(image().document.config, image().config_bytes,
                            config_labels(options_.snapshotter, chain_.back()), stop));
  TRY(blobs_.store_document(image().manifest, image().manifest_bytes,
                            manifest_labels(image().document), stop));
  if (image().twin_of) {  // a pull of the tag asks for it, and for nothing else
    TRY(blobs_.store_document(*image().twin_of, image().twin_of_bytes, {}, stop));
  }
  if (!image().index) return {};
  const auto index = TRY(parse_image_document(image().index_bytes, image().index->media_type));
  if (!std::holds_alternative<Index>(index)) return {};
  return blobs_.store_document(*image().index, image().index_bytes,
                               index_labels(std::get<Index>(index)), stop);
}

PullStats ImagePull::stats() const {
  PullStats stats;
  stats.bytes = image().document.config.size + image().manifest.size;
  if (image().index) stats.bytes += image().index->size;
  for (const Descriptor& layer : image().document.layers) stats.bytes += layer.size;
  stats.layers = static_cast<unsigned>(chain_.size());
  stats.reused_layers = reused_layers_;
  stats.unpacked = staging_.summary();
  stats.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  return stats;
}

Error ImagePull::give_up(Error error) {
  staging_.clear();
  if (error.code == Errc::digest_mismatch || error.code == Errc::no_space) {
    // Should this fail: the lease ends by itself, too.
    static_cast<void>(ports_.store.delete_lease(wanted_.lease_id, Release::at_once));
  }
  return std::move(error).with_context("pulling " + image().reference.name() + " (" +
                                       to_string(normalize(image().config.platform)) + ")");
}

}  // namespace nodeproof::prepull
