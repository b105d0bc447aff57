// One test from its first command to its last: what comes before, all its runs, what comes after.
#pragma once

#include "agent/smoke/runner.hpp"

namespace nodeproof::smoke {

[[nodiscard]] TestRecord run_test(const PlannedRun& test, const Root& root,
                                  const RunLimits& limits);

}  // namespace nodeproof::smoke
