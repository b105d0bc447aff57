// After the proof: the names under which a kubelet and ctr find the image.
#pragma once

#include <string>
#include <vector>

#include "agent/containerd/image_store.hpp"
#include "agent/model.hpp"

namespace nodeproof::prepull {

struct PublishOptions {
  std::string namespace_;  // "k8s.io": the records CRI expects; else one record
  std::string lease_id;    // deleted when the records hold the image
  Platform host;           // HostFacts::platform
  bool pin = false;        // against a kubelet's image GC
};

// Whether containerd, with its own default matcher on this host, takes the same manifest out of the
// index without doubt. A record may name the index only then: CRI looks at the best match alone,
// and does not find the image when another variant than that is stored.
[[nodiscard]] bool index_leads_to_manifest(const ResolvedImage& image, const Platform& host);

// The records to write, the tag's last. index_stored: the content store has the index.
[[nodiscard]] std::vector<ImageRecord> records_for(const ResolvedImage& image,
                                                   const PublishOptions& options,
                                                   bool index_stored);

Result<> publish(const ResolvedImage& image, ImageStore& store, const PublishOptions& options);

}  // namespace nodeproof::prepull
