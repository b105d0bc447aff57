#include "agent/inspect/fit.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace nodeproof::inspect {

namespace {

// 64-bit architecture, its 32-bit relative.
constexpr auto kFamilies = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"amd64", "386"}, {"arm64", "arm"}, {"mips64le", "mipsle"}, {"mips64", "mips"}});

bool are_family(std::string_view wide, std::string_view narrow) {
  return std::ranges::find(kFamilies, std::pair(wide, narrow)) != kFamilies.end();
}

std::string host_architecture(const HostFacts& host) {
  return normalize(host.platform).architecture;
}

}  // namespace

Fit fit(const HostFacts& host, const elf::Header& header) {
  const std::string own = host_architecture(host);
  const std::string architecture = elf::oci_architecture(header);
  if (architecture == own) return Fit::native;
  // x32: x86-64 code with 32-bit pointers, a kernel option.
  const bool x32 = header.machine == elf::kMachineX86_64 && header.bits == 32;
  if (x32) return own == "amd64" ? Fit::compatible : Fit::foreign;
  if (architecture.empty()) return Fit::other;
  if (are_family(own, architecture)) return Fit::compatible;
  if (host.kernel_bits == 64 && are_family(architecture, own)) return Fit::compatible;
  return Fit::foreign;
}

std::string host_takes(const HostFacts& host) {
  const std::string own = host_architecture(host);
  const auto header = elf::header_of(own);
  if (!header) return "the host is " + own;
  return "the host, " + own + ", takes e_machine " + std::to_string(header->machine) + " (" +
         elf::machine_name(header->machine) + ")";
}

std::optional<BinfmtHandler> emulator(const HostFacts& host, const MergedView& view,
                                      const elf::Header& header) {
  for (const BinfmtHandler& handler : host.binfmt) {
    if (!handler.enabled || handler.elf_machine != header.machine) continue;
    const bool preloaded = handler.flags.find('F') != std::string::npos;
    if (preloaded || view.find(handler.interpreter)) return handler;
  }
  return std::nullopt;
}

}  // namespace nodeproof::inspect
