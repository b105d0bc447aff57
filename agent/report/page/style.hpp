// How a page looks: one style sheet for all of them, without anything from elsewhere.
#pragma once

#include "agent/report/page/markup.hpp"

namespace nodeproof::report::page {

[[nodiscard]] Literal style_sheet();

}  // namespace nodeproof::report::page
