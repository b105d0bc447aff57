// Runs one program as a sandboxed child to its end, its time-out or its output limit; nothing of it
// is left behind.
#pragma once

#include "agent/smoke/record.hpp"
#include "agent/smoke/root.hpp"

namespace nodeproof::smoke {

struct RunLimits {
  std::uint64_t keep_bytes = 0, output_limit = 0;
  bool sole = false;  // we are PID 1 of the container: every other process in it belongs to the run
};

// SIGCHLD must be blocked. Reaps whatever child ends meanwhile.
[[nodiscard]] RunRecord run_program(const PlannedRun& run, const Root& root,
                                    const RunLimits& limits);

}  // namespace nodeproof::smoke
