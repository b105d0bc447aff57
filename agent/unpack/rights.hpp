// Capabilities of this process, as masks: who writes a layer keeps few, who asks for it none.
#pragma once

#include <linux/capability.h>

#include <cstdint>
#include <string>

#include "common/error.hpp"

namespace nodeproof::unpack {

using Capabilities = std::uint64_t;

constexpr Capabilities bit(int capability) { return Capabilities{1} << capability; }

// What a layer's writer cannot be without: files of others, their modes, owners and capabilities.
inline constexpr Capabilities kToWrite =
    bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_FOWNER) | bit(CAP_FSETID) | bit(CAP_SETFCAP);
// For a mount of its own, and for trusted.* attributes.
inline constexpr Capabilities kToMount = bit(CAP_SYS_ADMIN);
inline constexpr Capabilities kToConfine = bit(CAP_SYS_CHROOT) | bit(CAP_SETPCAP);

[[nodiscard]] Result<Capabilities> capabilities();  // the effective ones

// Gives up all but `kept` of what there is: permitted, effective, inheritable, ambient, and
// bounding where CAP_SETPCAP allows it. Of the calling thread.
Result<> keep_only(Capabilities kept);

// None is effective any more, and all can be had again: what this process executes as root has
// them.
Result<> lay_down();

// "CAP_CHOWN, CAP_FOWNER": those of `wanted` that are not in `held`.
[[nodiscard]] std::string missing(Capabilities wanted, Capabilities held);

}  // namespace nodeproof::unpack
