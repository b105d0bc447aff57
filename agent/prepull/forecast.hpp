// What pulling a set of images would take; nothing is changed, in containerd or elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <vector>

#include "agent/containerd/image_store.hpp"
#include "agent/model.hpp"
#include "agent/prepull/head_room.hpp"
#include "agent/prepull/prepull.hpp"

namespace nodeproof::prepull {

struct Forecast {
  std::uint64_t bytes = 0;   // of its layers, compressed
  std::uint64_t fetch = 0;   // of these, what has to come for it
  std::uint64_t shared = 0;  // of these, what comes for an image before it
  unsigned layers = 0;
  unsigned unpacked_layers = 0;  // that are there
  Space need;                    // on disk, but for what images before it bring
  std::optional<Error> problem;  // it does not fit, has no layers to unpack, containerd is silent
};

struct PlaceForecast {  // a file system of containerd's
  Place place;
  std::uint64_t need = 0;  // bytes, of those images that fit
};

struct SetForecast {
  std::vector<Forecast> images;       // in their order
  std::uint64_t fetch = 0;            // bytes in all
  std::vector<PlaceForecast> places;  // none = containerd's directories are not to be seen
};

// Both outlive the forecast.
struct WhatIsHere {
  ImageStore& store;
  const UnpackedSizes& sizes;
};

// Blobs of other containerd namespaces count as to be fetched: whether they can be taken over only
// shows when that is tried.
[[nodiscard]] SetForecast forecast(const std::vector<const ResolvedImage*>& images,
                                   const WhatIsHere& here, const SetOptions& options,
                                   const std::stop_token& stop);

}  // namespace nodeproof::prepull
