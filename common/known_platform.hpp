// The names of operating systems and architectures: those of Go, which OCI platforms take theirs
// from.
#pragma once

#include "common/platform.hpp"

namespace nodeproof {

// Whether both of a normalised platform's are among them.
[[nodiscard]] bool is_known(const Platform& platform);

}  // namespace nodeproof
