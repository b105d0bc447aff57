// What each finding code means: `nodeproof explain CODE` prints it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nodeproof::report {

struct CodeText {
  std::string_view code;
  std::string_view title;
  std::string_view cause;      // the usual one
  std::string_view detection;  // how it is found out
  std::string_view remedy;
  std::string_view example;  // from the world; other projects' issues as owner/repository#number
  bool exact;  // decided by an exact rule or observed; a heuristic never raises more than a warning
};

// In the order of agent/codes.hpp.
[[nodiscard]] std::vector<CodeText> code_texts();

// Compared without case; nullptr = there is no such code.
[[nodiscard]] const CodeText* find_code(std::string_view code);

// A few lines for a terminal.
[[nodiscard]] std::string explain(const CodeText& text);

// All of them as a table in Markdown; the README holds it.
[[nodiscard]] std::string codes_table();

}  // namespace nodeproof::report
