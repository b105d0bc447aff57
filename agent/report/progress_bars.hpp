// A running cycle as lines of a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "agent/report/progress_board.hpp"

namespace nodeproof::report {

struct BarStyle {
  std::size_t width = 80;  // columns that no line exceeds
  bool unicode = false;
  std::size_t most = 8;  // images; those that wait are left out first
};

// "app:1  pull     [#####-----]  12.3 of 41.2 MB  3.1 MB/s  10 s left" for each image, and where
// several are pulled a line for all. Names are inert.
[[nodiscard]] std::vector<std::string> progress_bars(const CycleProgress& cycle,
                                                     const BarStyle& style);

// What `nodeproof status` says of it, below the report: how many are pulled, and the bars.
[[nodiscard]] std::string progress_section(const CycleProgress& cycle, std::size_t width,
                                           bool unicode);

}  // namespace nodeproof::report
