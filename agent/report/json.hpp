// The NodeReport document (nodeproof.dev/v1): written for every reader, read back by our own daemon
// and commands.
#pragma once

#include <string>
#include <string_view>

#include "agent/model.hpp"
#include "agent/report/progress_board.hpp"
#include "common/error.hpp"

namespace nodeproof::report {

// Times have seconds. HostFacts::findings are not written: they are the report's findings.
// `cycle`: the member "progress" of a status, for as long as a cycle is under way; from_json()
// passes over it.
[[nodiscard]] std::string to_json(const NodeReport& report, bool pretty = true,
                                  const CycleProgress* cycle = nullptr);

// Fields a newer program added are passed over; another kind or apiVersion is refused.
Result<NodeReport> from_json(std::string_view text);

}  // namespace nodeproof::report
