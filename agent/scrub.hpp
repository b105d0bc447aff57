// The required images' blobs, read and hashed over containerd's content service: slowly, a slice at
// a time, and gone on with after whatever interrupts it.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>

#include "agent/containerd/image_store.hpp"
#include "agent/cycle.hpp"
#include "common/clock.hpp"

namespace nodeproof {

struct ScrubSlice {
  std::chrono::seconds length{30};      // ends with the blob that is read then
  std::function<void()> alive = [] {};  // called now and then
};

// What it finds is in the state, and from there in the reports. Errors: containerd, or the state
// cannot be kept.
Result<> scrub_slice(const CycleConfig& config, ImageStore& store, const Clock& clock,
                     const ScrubSlice& slice, const std::stop_token& stop);

// Of the image with this manifest. A warning: what is unpacked of a blob runs on and is compared on
// its own; without the blob it cannot be unpacked again.
[[nodiscard]] std::vector<Finding> scrub_findings(const CycleConfig& config,
                                                  const ImageReport& image);

}  // namespace nodeproof
