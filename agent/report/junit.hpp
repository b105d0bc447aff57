// The report as test cases, for pipelines.
#pragma once

#include <string>

#include "agent/model.hpp"

namespace nodeproof::report {

// A suite for each image, with a case for what was found in it and one for each smoke test, and a
// suite for the node itself. What is wrong is a failure, what is not known an error, and what was
// not tried is skipped; so is a failure of an image that is not required, for it takes no verdict
// away. Warnings are output. An override changes nothing here: a pipeline wants to know what was
// found.
[[nodiscard]] std::string to_junit(const NodeReport& report);

}  // namespace nodeproof::report
