// What a pull would take, for people and for programs.
#pragma once

#include <string>

#include "agent/pull_plan.hpp"

namespace nodeproof::cli {

[[nodiscard]] std::string plan_json(const PullReport& plan);
[[nodiscard]] std::string plan_table(const PullReport& plan, const UtcOffset& offset);

}  // namespace nodeproof::cli
