// Findings as SARIF 2.1.0 (OASIS), in the parts of it that code scanning reads.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "agent/model.hpp"

namespace nodeproof::report {

// An image, one of its platforms, a host: what findings are about.
struct SarifSubject {
  std::string image;             // reference; "" = the node itself
  std::string platform, digest;  // "" = not known, or of all of them
  std::string node;              // "" = of none
  std::vector<Finding> findings;
};

// Each finding is a result: fail an error, warn a warning, info a note. What is not known is a
// warning too, for SARIF has levels for what was found alone ("open" and "review" have none, and
// whoever gates on levels passes over them): its message begins with "not known:" and its property
// "severity" says unknown. A result is at the file in the image, below the image's repository
// without its tag, so that an alert of code scanning stays the same one from one build to the next.
[[nodiscard]] std::string to_sarif(std::span<const SarifSubject> subjects);

[[nodiscard]] std::string to_sarif(const NodeReport& report);

}  // namespace nodeproof::report
