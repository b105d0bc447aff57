// What a tag names, fetched: every index and manifest below it, each by its digest.
#pragma once

#include <optional>
#include <vector>

#include "agent/index/flaw.hpp"
#include "agent/index/questions.hpp"

namespace nodeproof::index {

struct Node {  // an entry that is no index itself, or one that could not be read
  Descriptor descriptor;
  bool companion = false;  // nothing that a node runs: an attestation, or no image at all
  bool read = false;       // its layers are read whole and shown to the observer
  std::optional<Manifest> manifest = {};
  std::optional<ImageConfig> config = {};
  std::vector<Flaw> flaws = {};
};

struct Tree {
  std::optional<Descriptor> top;
  bool single = false;  // the tag is a manifest, not an index
  std::vector<Node> nodes;
  std::vector<Flaw> flaws;  // of the tag and its document
};

// Manifests only: configs are not fetched yet.
[[nodiscard]] Tree fetch_tree(Questions& questions);

}  // namespace nodeproof::index
