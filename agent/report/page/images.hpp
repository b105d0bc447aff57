// The images of a report, each folded to a line that opens to its facts and tests.
#pragma once

#include "agent/model.hpp"
#include "agent/report/page/frame.hpp"

namespace nodeproof::report::page {

[[nodiscard]] Html image_section(const NodeReport& report);

}  // namespace nodeproof::report::page
