// Makes a tag name a composed index: what it needs first, the tag last.
#pragma once

#include "agent/index/change_report.hpp"
#include "agent/index/tag_state.hpp"

namespace nodeproof::index {

struct Publication {
  const Reference& target;
  const Composition& composition;
  std::vector<Reference> origins;  // by ComposedEntry::document; 0 = the target itself
  std::optional<Digest> replaces;  // what the tag named when the composition was made
  bool unreadable = false;         // the tag's document could not be read then
  // What the tag names is tagged TAG-prev-<12 hex> before the tag moves: the way back, and its
  // manifests are safe from a garbage collection of what is untagged.
  bool keep_previous = false;
  ValidateOptions validation;
};

// Blobs are mounted or copied, manifests and the index pushed by digest, the index validated where
// it is now, the tag compared with `replaces`, moved, and read again. Whatever speaks against it
// before the move is a finding of the report, and the tag stays. Adds the steps taken to the
// report.
Result<> publish(const Ports& ports, const Publication& publication, ChangeReport& report,
                 const std::stop_token& stop);

}  // namespace nodeproof::index
