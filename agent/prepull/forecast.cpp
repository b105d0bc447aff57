#include "agent/prepull/forecast.hpp"

#include <algorithm>

#include "agent/prepull/image_pull.hpp"

namespace nodeproof::prepull {
namespace {

std::vector<PlaceForecast> places_of(ImageStore& store, const SetOptions& options,
                                     const std::stop_token& stop) {
  const auto volumes = store.volumes(stop);
  if (!volumes || !*volumes) return {};
  std::vector<PlaceForecast> places;
  for (const StoreVolume* at : {&(*volumes)->content, &(*volumes)->snapshots}) {
    const Margin margin = margin_of(at->volume, options.keep_free, options.kubelet);
    places.push_back({{at->path, at->volume, margin}});
  }
  return places;
}

void describe(const ImageLayers& layers, Forecast& into) {
  into.layers = static_cast<unsigned>(layers.layers.size());
  for (const Descriptor& layer : layers.layers) into.bytes += layer.size;
  into.unpacked_layers =
      static_cast<unsigned>(std::ranges::count(layers.states, true, &LayerState::unpacked));
}

// One file system, one line.
void add_needs(std::vector<PlaceForecast>& places, const Space& need) {
  places[0].need = need.stored;
  places[1].need = need.unpacked;
  if (places[0].place.volume.id != places[1].place.volume.id) return;
  places[0].need += need.unpacked;
  places.pop_back();
}

}  // namespace

SetForecast forecast(const std::vector<const ResolvedImage*>& images, const WhatIsHere& here,
                     const SetOptions& options, const std::stop_token& stop) {
  SetForecast found;
  found.images.resize(images.size());
  std::vector<ImageLayers> layers(images.size());
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (auto state = what_is_here(*images[i], here.store, here.sizes, "")) {
      layers[i] = *std::move(state);
      describe(layers[i], found.images[i]);
    } else {
      found.images[i].problem = std::move(state).error();
    }
  }
  const PullPlan made = plan(layers);
  found.places = places_of(here.store, options, stop);
  std::optional<HeadRoom> room;
  if (!found.places.empty()) room.emplace(found.places[0].place, found.places[1].place);
  Shares shares(made);
  Space all;
  for (std::size_t i = 0; i < images.size(); ++i) {
    Forecast& one = found.images[i];
    if (one.problem) continue;
    one.need = shares.need_of(made.images[i]);
    one.fetch = one.need.stored;
    one.shared = made.images[i].download_bytes - one.fetch;
    const auto fits = room ? room->reserve(one.need) : Result<>{};
    if (!fits) {
      one.problem = fits.error();
      continue;
    }
    shares.take(made.images[i]);
    all += one.need;
  }
  found.fetch = all.stored;
  if (room) add_needs(found.places, all);
  return found;
}

}  // namespace nodeproof::prepull
