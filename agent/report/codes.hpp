// What each finding code means: title, usual cause, what to do. `nodeproof explain CODE` prints it.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace nodeproof::report {

struct CodeText {
  std::string_view code;
  std::string_view title;
  std::string_view cause;
  std::string_view remedy;
  bool exact;  // decided by an exact rule or observed; a heuristic never raises more than a warning
};

[[nodiscard]] std::span<const CodeText> code_texts();

// Compared without case; nullptr = there is no such code.
[[nodiscard]] const CodeText* find_code(std::string_view code);

// A few lines for a terminal.
[[nodiscard]] std::string explain(const CodeText& text);

}  // namespace nodeproof::report
