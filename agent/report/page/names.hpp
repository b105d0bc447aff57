// Names of nodes: few are seen at once, many are folded.
#pragma once

#include <string>
#include <vector>

#include "agent/report/page/markup.hpp"

namespace nodeproof::report::page {

[[nodiscard]] Html names(const std::vector<std::string>& nodes);

}  // namespace nodeproof::report::page
