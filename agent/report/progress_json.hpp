// A running cycle as the member "progress" of what `nodeproof status` answers.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "agent/model.hpp"
#include "agent/report/progress_board.hpp"
#include "common/json.hpp"

namespace nodeproof::report {

// {"images": [{"image", "phase", ...}], "total": {...}}; in pull "doneBytes", "totalBytes",
// "bytesPerSecond", "secondsLeft" (absent = not known) and "stalledSeconds" (0 = it comes), in
// unpack "doneLayers" and "totalLayers".
void write_cycle_progress(json::Writer& out, const CycleProgress& cycle);
// Of a whole status document; none = no cycle is under way.
Result<std::optional<CycleProgress>> cycle_progress_from(std::string_view document);

// The member "phase"; a word that is not known is an error.
Result<Phase> read_phase(const json::Value& object);
// A member that counts seconds; none = it is absent. At most thirty years.
Result<std::optional<std::chrono::seconds>> read_seconds(const json::Value& object,
                                                         std::string_view key);

}  // namespace nodeproof::report
