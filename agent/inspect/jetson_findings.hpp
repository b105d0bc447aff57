// An image for one release of a Jetson's Linux for Tegra (L4T) on another.
#pragma once

#include <string>
#include <vector>

#include "agent/inspect/inspect.hpp"

namespace nodeproof::inspect {

struct TegraRelease {
  unsigned major = 0;  // 0 = the image says none
  std::string said;    // "L4T_VERSION=36.2.0", "tag r36.2.0"
};

// The variable or label L4T_VERSION, else the tag of an image that calls itself one for Jetsons.
[[nodiscard]] TegraRelease tegra_release_of(const ResolvedImage& image);

// Warns where the host's release is of another JetPack generation. On a Jetson of which the release
// is not known that is not known either; other hosts are not asked.
[[nodiscard]] std::vector<Finding> jetson_findings(const InspectInput& input);

}  // namespace nodeproof::inspect
