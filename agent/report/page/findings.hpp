// Findings as cards: what is wrong, by what it is proven, and what to do.
#pragma once

#include "agent/model.hpp"
#include "agent/report/page/frame.hpp"

namespace nodeproof::report::page {

struct Problem {
  Finding finding;
  const ImageReport* image = nullptr;  // of the report; nullptr = the node itself
};

// All of the report's images and of the node itself, the most severe first.
[[nodiscard]] std::vector<Problem> problems_of(const NodeReport& report);

// The sections "What is wrong", "Warnings" and "Remarks" of what there is.
[[nodiscard]] Html problem_sections(const std::vector<Problem>& problems);

// What the code means, folded; empty for one that this program does not know.
[[nodiscard]] Html code_meaning(const std::string& code);
[[nodiscard]] Html code_title(const std::string& code);
[[nodiscard]] Html remedy_box(const std::string& remedy);

}  // namespace nodeproof::report::page
