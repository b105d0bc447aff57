// What one layer brings: the inspection's only input besides image config and host, taken once per
// layer digest.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/content_hash.hpp"
#include "common/digest.hpp"
#include "common/elf.hpp"
#include "common/elf_code.hpp"
#include "common/error.hpp"
#include "common/layer_reader.hpp"
#include "common/packed.hpp"

namespace nodeproof::inspect {

// Raised whenever inventories of the same layer would differ from the ones on disk.
inline constexpr unsigned kAnalyserVersion = 3;

// Known of few files only.
struct FileFacts {
  std::string script;   // "#!" and what follows, at most 256 bytes (BINPRM_BUF_SIZE)
  std::string content;  // of etc/passwd, etc/group, ld.so.conf*, ld-musl-*.path
  std::optional<elf::Facts> elf;
  std::optional<elf::CodeFacts> code;  // of programs and libraries
  std::vector<PackedProgram> packed;   // of an archive: what is in it for any machine
  std::string problem;  // why content or ELF facts beyond the header are not known; "" = all are
  friend bool operator==(const FileFacts&, const FileFacts&) = default;
};

struct InventoryEntry {
  LayerEntry entry;
  std::optional<ContentHash> hash;  // of a regular file
  std::shared_ptr<const FileFacts>
      facts;  // nullptr = nothing special; shared so that entries copy cheaply
  friend bool operator==(const InventoryEntry& a, const InventoryEntry& b) {
    return a.entry == b.entry && a.hash == b.hash &&
           (a.facts == b.facts || (a.facts && b.facts && *a.facts == *b.facts));
  }
};

struct LayerInventory {
  Digest layer;
  std::optional<Digest> diff_id;        // of what was read; absent when it was not read to its end
  std::vector<InventoryEntry> entries;  // in the tar's order, whiteouts included
  std::uint64_t refused = 0;            // entries with ".." or beyond limits, see LayerSummary
  std::string first_refused;
  std::optional<Error> problem;  // why the inventory is not complete
  friend bool operator==(const LayerInventory&, const LayerInventory&) = default;
};

}  // namespace nodeproof::inspect
