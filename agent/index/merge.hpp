// `nodeproof index merge`: new platforms into a tag, the others stay.
#pragma once

#include "agent/index/change_report.hpp"
#include "agent/index/tag_state.hpp"

namespace nodeproof::index {

struct MergeRequest {
  Reference target;                // a tag
  std::vector<Reference> sources;  // tags or digests, indexes or single manifests
  ComposeOptions compose;
  ValidateOptions validation;
  bool dry_run = false;
  bool require_same_revision = false;
  bool delete_sources = false;  // their tags, where that is safe
  bool keep_previous = false;   // see Publication
};

// Sources and target are validated first; what speaks against the merge is in the report's
// findings, all of it at once. Errors: usage, and what keeps a document from being read at all.
Result<ChangeReport> merge(const Ports& ports, const MergeRequest& request,
                           const std::stop_token& stop);

}  // namespace nodeproof::index
