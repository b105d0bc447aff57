// The entries of an index or of a single manifest, with the bytes they were written in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/index/compose.hpp"

namespace nodeproof::index {

struct Entry {
  Descriptor descriptor;
  std::string raw;              // the descriptor's JSON as it stood, or as made here
  bool made_here = false;       // for a single manifest, which has no entry of its own
  std::optional<Platform> key;  // normalised; nothing for attestations and nested indexes
  bool attestation = false;
  std::string subject;  // of an attestation: the digest of what it attests; "" = not said
  std::size_t document = 0;
  [[nodiscard]] const std::string& digest() const { return descriptor.digest.str(); }
};

struct Document {
  std::string name;
  FetchedManifest manifest;
  bool is_index = false;
  std::vector<Entry> entries;
};

// `number` is what its entries remember as their document.
Result<Document> read_document(const ComposeDocument& document, std::size_t number);

// The JSON of an index over these entries. What `base`, if it is an index, says about itself
// (annotations, artifactType) stays. Errc::unsupported when it has a subject.
Result<FetchedManifest> write_index(const std::vector<Entry>& entries, const Document* base);

// Docker's own list for nothing but Docker's manifests.
[[nodiscard]] std::string_view envelope_for(const std::vector<Entry>& entries);

}  // namespace nodeproof::index
