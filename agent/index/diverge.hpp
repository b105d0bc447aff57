// Are the platforms of one tag builds of the same thing? A heuristic: warnings only.
#pragma once

#include <string>
#include <vector>

#include "agent/index/tree.hpp"

namespace nodeproof::index {

// One finding for each platform that differs from the first of its operating system. Silent about
// what honest builds differ in: the architecture's own names, hours and days between builds.
[[nodiscard]] std::vector<Finding> divergences(const std::string& image,
                                               const std::vector<Node>& nodes);

}  // namespace nodeproof::index
