// What `nodeproof index merge|backup|restore` did, would do or refuses to do.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/index/compose.hpp"

namespace nodeproof::index {

enum class Outcome {
  done,
  unchanged,  // all was there already; nothing was written
  would_do,   // --dry-run
  refused,    // damage, or a loss nobody agreed to; the tag is what it was
  unknown,    // something could not be asked; the tag is what it was
};
[[nodiscard]] std::string_view to_string(Outcome outcome);

struct ChangeReport {
  std::string action;  // "merge", "backup", "restore"
  std::string reference;
  Outcome outcome = Outcome::unknown;
  std::string before;  // the tag's digest; "" = there was no tag
  std::string after;   // what it is or would be
  bool moved = false;  // the tag was written
  std::string media_type;
  std::vector<EntryChange> changes;
  std::vector<std::string> steps;  // what was written, in order, a sentence each
  std::vector<Finding> findings;
};

// True when its findings speak against going on, which its outcome says then: a `fail` = refused,
// an `unknown` = unknown.
bool blocks(ChangeReport& report);

[[nodiscard]] std::string to_json(const ChangeReport& report);
[[nodiscard]] std::string to_table(const ChangeReport& report);
[[nodiscard]] int exit_code(const ChangeReport& report);  // 0 done, 1 refused, 2 unknown

}  // namespace nodeproof::index
