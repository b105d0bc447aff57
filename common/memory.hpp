// How much memory this process may use.
#pragma once

#include <cstdint>
#include <filesystem>

namespace nodeproof {

// Bytes: the machine's memory or the smallest limit of the process's memory cgroups (v1 or v2),
// whichever is less. 0 = not known. root: where /proc and /sys are looked for.
[[nodiscard]] std::uint64_t memory_limit(const std::filesystem::path& root = "/");

}  // namespace nodeproof
