// Does this host's processor take that machine's code?
#pragma once

#include <optional>

#include "agent/inspect/merged_view.hpp"
#include "agent/model.hpp"

namespace nodeproof::inspect {

enum class Fit {
  native,      // the host's own
  compatible,  // the other width of the same family: kernel and processor may or may not take it
  foreign,     // another processor that runs Linux
  other,       // not for a Linux processor: BPF, GPU code, firmware cores
};

[[nodiscard]] Fit fit(const HostFacts& host, const elf::Header& header);

// "arm64 takes e_machine 183 (AArch64)"
[[nodiscard]] std::string host_takes(const HostFacts& host);

// The enabled handler that would run it inside the container: one that is preloaded (flag F) or
// whose interpreter the image brings (linux Documentation/admin-guide/binfmt-misc.rst).
[[nodiscard]] std::optional<BinfmtHandler> emulator(const HostFacts& host, const MergedView& view,
                                                    const elf::Header& header);

}  // namespace nodeproof::inspect
