// Asking the running daemon over its socket.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "common/error.hpp"

namespace nodeproof {

// method: "status" gives the last report at once, and with it how far the cycle under way is (its
// member "progress"); "check" runs a cycle first and gives its report
// when it ends. The answer is the report's JSON document. Errc::not_found: no daemon is running;
// permission_denied; timeout; busy: too many wait for a check.
Result<std::string> ask_daemon(const std::filesystem::path& socket, std::string_view method,
                               std::chrono::milliseconds timeout = std::chrono::seconds(10));

// The same for an answer that may take hours: while it does, `meanwhile` is called every so often.
// It gives false to wait no longer (Errc::cancelled).
struct Waiting {
  std::chrono::milliseconds every{500};
  std::function<bool()> meanwhile;
};
Result<std::string> ask_daemon(const std::filesystem::path& socket, std::string_view method,
                               const Waiting& waiting);

}  // namespace nodeproof
