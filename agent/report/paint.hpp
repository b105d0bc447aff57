// Colours and marks of a terminal, or their plain stand-ins.
#pragma once

#include <string>
#include <string_view>

#include "agent/model.hpp"
#include "agent/report/table.hpp"

namespace nodeproof::report {

enum class Ink { plain, bold, dim, green, yellow, red };

[[nodiscard]] std::string paint(std::string_view text, Ink ink, const TableStyle& style);
// Filled up with blanks to `width` columns before it is painted.
[[nodiscard]] std::string paint_cell(std::string_view text, std::size_t width, Ink ink,
                                     const TableStyle& style);

[[nodiscard]] Ink ink_of(Verdict verdict);
[[nodiscard]] Ink ink_of(Severity severity);
[[nodiscard]] std::string_view mark_of(Verdict verdict, const TableStyle& style);    // one column
[[nodiscard]] std::string_view mark_of(Severity severity, const TableStyle& style);  // one column

}  // namespace nodeproof::report
