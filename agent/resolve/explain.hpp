// The explanation of a choice: what the tag holds, what is taken by which rule, what others would
// take, what has changed since the last proof. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "agent/model.hpp"
#include "agent/resolve/ledger.hpp"
#include "agent/resolve/rules.hpp"
#include "agent/resolve/tree.hpp"

namespace nodeproof::resolve {

// Where in the tree, one position per level. None = nothing fits, or the tag is a single manifest.
struct Pick {
  std::vector<std::size_t> path;
  std::string sentence;
  std::string otherwise;  // how another pull of the same containerd differs; "" = it does not
};

[[nodiscard]] const TreeEntry* entry_at(const Tree& tree, const std::vector<std::size_t>& path);

// What another containerd, or another way to pull, takes instead.
struct Other {
  std::string who;
  std::optional<Descriptor> entry;  // nothing = absent
  std::string sentence;
  friend bool operator==(const Other&, const Other&) = default;
};

struct SinceLast {
  std::string time;  // of the proof, RFC 3339
  Digest top;        // what the tag named then
  bool moved = false;
  std::optional<std::vector<std::string>> lost;  // platforms; absent = not known
  friend bool operator==(const SinceLast&, const SinceLast&) = default;
};

struct Explanation {
  Tree tree;
  std::string rule;
  Pick pick;
  std::vector<Other> others;       // only those that differ
  std::optional<SinceLast> since;  // absent = nothing known of an earlier proof
};

[[nodiscard]] Explanation explain(Tree tree, const HostFacts& host,
                                  const std::optional<ProvenImage>& proven);

// ---- renderings ----
struct Answer {
  Reference reference;
  HostFacts host;
  Explanation explanation;
  std::optional<ResolvedImage> image;        // absent: nothing fits, or what fits cannot be had
  std::optional<RateLimit> rate_limit = {};  // of its registry, when that says one
};

// A nodeproof.dev/v1 Resolution.
[[nodiscard]] std::string to_json(const Answer& answer);
[[nodiscard]] std::string to_table(const Answer& answer);

}  // namespace nodeproof::resolve
