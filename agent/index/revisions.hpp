// From which revision of the code each platform was built.
#pragma once

#include <string>
#include <vector>

#include "agent/index/compose.hpp"
#include "agent/index/tag_state.hpp"

namespace nodeproof::index {

struct RevisionQuestion {
  const Composition& composition;
  const std::vector<Reference>& origins;  // by ComposedEntry::document
};

// Refuses a composition whose images do not all carry the same org.opencontainers.image.revision:
// the config's label, else the manifest's annotation, else the index entry's. None is a difference
// too.
Result<std::vector<Finding>> compare_revisions(Registry& registry, const RevisionQuestion& question,
                                               const std::stop_token& stop);

}  // namespace nodeproof::index
