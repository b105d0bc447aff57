// Is there room for a smoke container beside the workload?
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "agent/smoke/spec.hpp"

namespace nodeproof::smoke {

struct Memory {
  std::uint64_t total = 0, available = 0;  // bytes; 0 = not known
  // Of the last ten seconds, the share in which some process waited for memory (percent); nothing
  // where the kernel does not count it.
  std::optional<double> pressure;
  friend bool operator==(const Memory&, const Memory&) = default;
};

// /proc/meminfo and /proc/pressure/memory below the root directory.
[[nodiscard]] Memory read_memory(const std::filesystem::path& root);

// Why nothing should be started now; nothing = there is room, or it is not known.
[[nodiscard]] std::optional<std::string> too_little_memory(const Memory& memory);

// A limit above what the host has would be none.
[[nodiscard]] ContainerLimits fitting(ContainerLimits limits, const Memory& memory);

}  // namespace nodeproof::smoke
