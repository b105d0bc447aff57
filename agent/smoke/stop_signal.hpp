// An image's StopSignal.
#pragma once

#include <string_view>

namespace nodeproof::smoke {

// As container engines read it: "SIGTERM", "TERM", "15", "SIGRTMIN+3", in any case. SIGTERM for ""
// and for what names no signal of Linux.
[[nodiscard]] int stop_signal(std::string_view name);

}  // namespace nodeproof::smoke
