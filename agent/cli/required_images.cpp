#include "agent/cli/required_images.hpp"

#include <utility>

#include "agent/required_set.hpp"

namespace nodeproof::cli {

void find_required(CycleConfig& cycle, const std::stop_token& /*stop*/) {
  const config::ImagesFrom& from = cycle.settings.images_from;
  const Found found = look_at_folders(from);
  cycle.fingerprint = fingerprint(from, found);
  RequiredSet set = required_set(std::move(cycle.settings.images), found);
  cycle.settings.images = std::move(set.images);
  cycle.origins = std::move(set.origins);
  cycle.findings = std::move(set.findings);
}

}  // namespace nodeproof::cli
