// The RepairReport document, for programs and for people.
#pragma once

#include <string>

#include "agent/repair.hpp"
#include "agent/report/table.hpp"

namespace nodeproof::cli {

[[nodiscard]] std::string repair_json(const RepairReport& report);
[[nodiscard]] std::string repair_table(const RepairReport& report, const report::TableStyle& style);

}  // namespace nodeproof::cli
