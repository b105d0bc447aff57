// The node condition nodeproof.dev/ImagesReady: what a report says, as Kubernetes' readers expect
// it.
#pragma once

#include <chrono>
#include <string>

#include "agent/kubernetes/node.hpp"
#include "agent/model.hpp"

namespace nodeproof::kubernetes {

// Status, reason and message; no times. True only for a ready verdict, or while an operator
// overrides it. A report that is older than `stale_after` (0 = none is) says Unknown, whatever it
// found.
[[nodiscard]] Condition condition_of(const NodeReport& report,
                                     std::chrono::system_clock::time_point now,
                                     std::chrono::seconds stale_after);

// As metav1.Condition wants a reason: CamelCase letters, digits, "_", ",", ":".
[[nodiscard]] std::string legal_reason(std::string_view text, std::string_view fallback);

// The body of a strategic merge patch of nodes/status: the conditions' merge key is their type, so
// that all others stay.
[[nodiscard]] std::string status_patch(const Condition& condition);

}  // namespace nodeproof::kubernetes
