// Why something is not ready, for documents that tell it by its findings: no verdict stays without
// a cause in them.
#pragma once

#include <optional>

#include "agent/model.hpp"

namespace nodeproof::report {

// What its findings do not say: a test that failed, nothing that was executed, nothing that was
// looked at. Nothing = they say it, or it is ready.
[[nodiscard]] std::optional<Finding> unsaid_cause(const ImageReport& image);

// The same of the node: its own findings and the required images do not account for the verdict.
[[nodiscard]] std::optional<Finding> unsaid_cause(const NodeReport& report);

}  // namespace nodeproof::report
