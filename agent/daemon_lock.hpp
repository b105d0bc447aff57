// One daemon per run directory: flock(2) on <run>/nodeproof.lock, dropped by the kernel with the
// process.
#pragma once

#include <filesystem>

#include "common/error.hpp"
#include "common/file.hpp"

namespace nodeproof {

// Errc::busy when another one holds it.
Result<UniqueFd> lock_instance(const std::filesystem::path& path);

}  // namespace nodeproof
