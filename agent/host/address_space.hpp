// How wide a process's addresses are here, and whether what /proc says of this process is the
// kernel's word.
#pragma once

#include <filesystem>

namespace nodeproof::host {

// The width of /proc/self/maps' stack, which lies at the top: 39, 42, 47, 48; 0 = not known.
[[nodiscard]] unsigned read_va_bits(const std::filesystem::path& root);

// qemu-user answers for /proc/self itself and passes /proc/thread-self on: where the two name
// programs of different machines, this one is emulated.
[[nodiscard]] bool is_emulated(const std::filesystem::path& root);

}  // namespace nodeproof::host
