// What a tag will hold after a merge: a pure function of documents. Entries keep their bytes, the
// same input gives the same bytes, and nothing is lost or doubled silently.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model.hpp"
#include "agent/registry/registry.hpp"

namespace nodeproof::index {

struct ComposeDocument {
  std::string name;          // as the user knows it: a reference
  FetchedManifest document;  // an index, or a single manifest
  // By manifest digest, of the configs: for a single manifest, and for entries that name none.
  std::map<std::string, Platform> platforms;
};

struct ComposeOptions {
  std::vector<Platform> drop = {};  // may be lost, and are left out wherever they come from
  bool keep_duplicates = false;     // several manifests for one platform
  bool only_sources = false;        // nothing of the tag itself is kept
  bool keep_single = false;  // a single manifest that is all there is gets no index around it
  std::vector<std::string> without = {};  // digests of attestations that are left out
};

struct ComposedEntry {
  Descriptor descriptor;
  std::string platform;      // normalised, "linux/arm64"; "" = none
  bool attestation = false;  // its platform is that of the image it attests
  std::size_t document = 0;  // where it comes from: 0 = the tag itself, n = the n-th source
  std::string source;        // that document's name
};

enum class Change { kept, added, replaced, removed };
[[nodiscard]] std::string_view to_string(Change change);

struct EntryChange {
  Change change = Change::kept;
  std::string platform;
  bool attestation = false;
  std::string before, after;  // manifest digests; "" = none
  std::string source;         // the document that brings `after`; "" where it is removed
  friend bool operator==(const EntryChange&, const EntryChange&) = default;
};

struct Composition {
  FetchedManifest document;  // byte for byte one of the given ones where its entries are the same
  std::vector<ComposedEntry> entries;
  std::vector<EntryChange> changes;  // in the document's order, what is removed last
  std::vector<Finding> findings;     // one of severity fail: the composition is refused
  [[nodiscard]] bool refused() const;
};

// The key of an entry is its normalised platform: a source's entry takes the place of the tag's
// one, with its attestations. Errors: invalid_document, unsupported (an index with a subject would
// have to be rewritten), usage (a platform to drop that nobody has).
Result<Composition> compose(const std::optional<ComposeDocument>& tag,
                            const std::vector<ComposeDocument>& sources,
                            const ComposeOptions& options);

}  // namespace nodeproof::index
