// An answer in time or none, whatever the work runs into.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace nodeproof::cli {

// Does the work in a child of this process, which must not have threads: what it says, at most 4
// KiB; nothing where it died, said nothing or took longer.
std::optional<std::string> answer_within(std::chrono::milliseconds limit,
                                         const std::function<std::string()>& work);

}  // namespace nodeproof::cli
