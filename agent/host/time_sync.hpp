// Does this host's clock follow the world's?
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>

#include "agent/host/doctor.hpp"

namespace nodeproof::host {

struct ClockState {
  std::chrono::system_clock::time_point now;
  std::optional<bool> synchronised;  // nothing = the kernel may not be asked (ProtectClock=yes)
};

// Of the running kernel (adjtimex(2), STA_UNSYNC), without a change.
[[nodiscard]] ClockState read_clock();

// A virtual machine's clock may follow its host's without a word to the kernel; it is judged by the
// year alone, and so is a machine that does not tell what it is.
[[nodiscard]] Findings examine_clock(const ClockState& clock, const std::filesystem::path& root);

}  // namespace nodeproof::host
