// What is said about an image that is on its way: the parts of a line, "" where there is nothing to
// say, and whole lines for a log.
#pragma once

#include <string>

#include "agent/model.hpp"
#include "agent/report/progress_board.hpp"

namespace nodeproof::report {

// "12.3 of 41.2 MB" (the unit is shared where it can be), "2 of 5" layers.
[[nodiscard]] std::string amount_text(const Progress& progress);
[[nodiscard]] std::string bytes_text(std::uint64_t done, std::uint64_t total);
// "3.1 MB/s"; "" when nothing comes.
[[nodiscard]] std::string rate_text(const Pace& pace);
// "8 s left", "2m05s left", "3 days left".
[[nodiscard]] std::string left_text(const Pace& pace);
// "stalled for 12 s"; "" while it comes.
[[nodiscard]] std::string stall_text(const Progress& progress);

// "app:1: pulling, 12.3 of 41.2 MB, 3.1 MB/s, 10 s left"
[[nodiscard]] std::string progress_text(const Progress& progress);
// "app:1: goes on after 42 s, 12.5 of 41.2 MB"
[[nodiscard]] std::string goes_on_text(const ProgressBoard::Change& change);
// "pulling 2 of 7 images (1 stalled), 120.0 of 800.0 MB, 5.0 MB/s, 2m16s left"; of one image its
// own; "" when none is pulled.
[[nodiscard]] std::string pull_text(const CycleProgress& cycle);

}  // namespace nodeproof::report
