// Pins: what keeps a kubelet's image GC from deleting a proven image. containerd's CRI heeds them
// from 1.6.25 and 1.7.10 on; an image is pinned while one of its records is.
#pragma once

#include <chrono>
#include <string_view>
#include <vector>

#include "agent/containerd/image_store.hpp"
#include "common/reference.hpp"

namespace nodeproof::prepull {

inline constexpr std::string_view kCriNamespace = "k8s.io";
// On every record of ours: the digest of the proven manifest.
inline constexpr std::string_view kProvenLabel = "nodeproof.dev/proven";
// Since when nothing requires the image any more, RFC 3339.
inline constexpr std::string_view kUnneededLabel = "nodeproof.dev/unneeded-since";

// The record was pinned before it was ours (CRI pins its pause image): that pin is not ours to
// take.
inline constexpr std::string_view kForeignPinLabel = "nodeproof.dev/pinned-before";

// What a record of a proven and required image bears.
[[nodiscard]] Labels pin_labels(const Digest& manifest);
// What a record that is there already gets besides: a mark that somebody else has pinned it.
[[nodiscard]] Labels foreign_pin(const ImageRecord& existing);
// All of ours on a record, with empty values: what takes them away.
[[nodiscard]] Labels labels_to_clear(const ImageRecord& record);

struct RequiredPin {
  Reference reference;
  // Manifest and index that were proven last; empty when nothing was, and then whatever is pinned
  // of the repository stays so.
  std::vector<Digest> proven;
};

struct PinRules {
  std::chrono::system_clock::time_point now;
  std::chrono::seconds grace;  // that an image keeps its pins for when it is required no more
};

// Pins the records of required images where a pin is missing (a kubelet's own pull overwrites the
// tag's labels), and takes it from those that have not been required for the grace. Their records
// are left as they are: to delete them is the kubelet's affair. Without a required image nothing is
// done: a configuration may have been lost.
Result<> keep_pins(ImageStore& store, const std::vector<RequiredPin>& required,
                   const PinRules& rules);

}  // namespace nodeproof::prepull
