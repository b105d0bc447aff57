// The report for people: one line per image, what is wrong below it, and the verdict at the end.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "agent/model.hpp"

namespace nodeproof::report {

struct TableStyle {
  bool colour = false;
  bool unicode = false;
  std::size_t width = 100;  // columns
};

// Whether the user's locale (LC_ALL, LC_CTYPE, LANG) is a UTF-8 one.
[[nodiscard]] bool unicode_wanted();

// A few lines for each, worst first; what is only informative is left out. Inert as below.
[[nodiscard]] std::string findings_text(const std::vector<Finding>& findings,
                                        const TableStyle& style);

// Strings from images and registries are inert in it: no control characters, no escape sequences,
// no bidi marks.
[[nodiscard]] std::string to_table(const NodeReport& report, const TableStyle& style = {});

}  // namespace nodeproof::report
