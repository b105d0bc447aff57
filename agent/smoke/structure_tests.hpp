// What container-structure-test files ask of one image: tests to run, and what its configuration
// alone answers. Pure.
#pragma once

#include <string>
#include <vector>

#include "agent/smoke/structure_document.hpp"

namespace nodeproof::smoke {

struct StructureTests {
  std::vector<SmokeTest> tests;
  std::vector<SmokeResult> results;  // of the metadata test; nothing has to run for it
  std::vector<Finding> findings;
};

// file: its path, the tests' source.
[[nodiscard]] StructureTests structure_tests(const StructureDocument& document,
                                             const ImageConfig& image, const std::string& file);

// One sentence for each thing that is not as it should be.
[[nodiscard]] std::vector<std::string> metadata_problems(const StructureMetadata& wanted,
                                                         const ImageConfig& image);

// $NAME and ${NAME} replaced as Go's os.Expand does: what is not set is empty, a lone $ stays.
// env: "NAME=value", of two the last counts.
[[nodiscard]] std::string expand_variables(std::string_view text,
                                           const std::vector<std::string>& env);

}  // namespace nodeproof::smoke
