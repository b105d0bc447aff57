// An IndexReport for people: the tag, a line per platform with its findings below it.
#pragma once

#include <string>

#include "agent/index/validate.hpp"
#include "agent/report/table.hpp"

namespace nodeproof::cli {

[[nodiscard]] std::string to_table(const index::IndexReport& report,
                                   const report::TableStyle& style);

}  // namespace nodeproof::cli
