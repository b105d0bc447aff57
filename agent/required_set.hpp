// What must run? The images of the configuration, and those of the places that it names
// (images_from).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/config/config.hpp"
#include "agent/model.hpp"

namespace nodeproof {

struct FoundImage {
  RequiredImage image;
  std::string origin;  // "static pod etcd of /etc/kubernetes/manifests/etcd.yaml"
  friend bool operator==(const FoundImage&, const FoundImage&) = default;
};

// What these places name. A place that cannot be read whole is a finding: what must run is not
// known then.
struct Found {
  std::vector<FoundImage> images;
  std::vector<Finding> findings;
  friend bool operator==(const Found&, const Found&) = default;
};

// Those that are folders of this host. Without any it gives nothing.
[[nodiscard]] Found look_at_folders(const config::ImagesFrom& from);

// A finding ImagesNotKnown of that severity.
[[nodiscard]] Finding images_not_known(const Error& error, Severity severity);

struct RequiredSet {
  std::vector<RequiredImage> images;           // the configuration's first
  std::map<std::string, std::string> origins;  // by reference, of those that were found
  std::vector<Finding> findings;
};

// An image that the configuration names keeps its entry, and needs no condition any more where it
// was found without one; an image that was found several times is one, with the settings of the
// first. Entries of one image with several conditions all stay: see required_here().
[[nodiscard]] RequiredSet required_set(std::vector<RequiredImage> configured, const Found& found);

// Those that this host needs, each once: of entries with several conditions the first that applies.
[[nodiscard]] std::vector<const RequiredImage*> required_here(
    const std::vector<RequiredImage>& images, const HostFacts& host);

// Tells one found set from another by all that a cycle makes of it; "" = nothing is looked for.
[[nodiscard]] std::string fingerprint(const config::ImagesFrom& from, const Found& found);

// Who needs this image, an info; nothing where the configuration alone does.
[[nodiscard]] std::vector<Finding> required_by(const std::map<std::string, std::string>& origins,
                                               const std::string& reference);

}  // namespace nodeproof
