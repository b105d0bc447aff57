// What the node is: facts that decide which image is right for it.
#pragma once

#include "agent/model.hpp"
#include "agent/report/page/frame.hpp"

namespace nodeproof::report::page {

[[nodiscard]] Html host_section(const NodeReport& report);

}  // namespace nodeproof::report::page
