// System calls by name, for the architectures whose programs this build's processor runs.
#pragma once

#include <cstdint>
#include <string>

namespace nodeproof::smoke {

// arch: AUDIT_ARCH_*. "clone3", "i386's clone3", or "call number 435" of one that is not known.
[[nodiscard]] std::string syscall_name(std::uint32_t arch, int call);

}  // namespace nodeproof::smoke
