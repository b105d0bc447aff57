// `check` where a daemon runs: it is asked for one, and what it does is shown meanwhile.
#pragma once

#include <optional>

#include "agent/cli/command.hpp"

namespace nodeproof::cli {

// The exit code; nothing = no daemon runs here.
std::optional<int> check_by_daemon(Session& session);

}  // namespace nodeproof::cli
