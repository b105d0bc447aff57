#include <algorithm>
#include <charconv>

#include "agent/codes.hpp"
#include "agent/host/doctor.hpp"
#include "agent/host/program.hpp"
#include "agent/host/text_files.hpp"

namespace nodeproof::host {
namespace {

// containerd 2.x tells a kubelet its driver over CRI (RuntimeConfig), and a kubelet from Kubernetes
// 1.31 on obeys.
bool tells_driver(const ContainerdFacts& containerd) {
  const std::string& version = containerd.version;
  unsigned major = 0;
  const std::size_t start = version.starts_with('v') ? 1 : 0;
  std::from_chars(version.data() + start, version.data() + version.size(), major);
  return major >= 2;
}

Finding mismatch(const HostFacts& facts, const std::string& kubelet, const std::string& ours) {
  const bool told = tells_driver(*facts.containerd);
  Finding finding{std::string(code::kCgroupDriverMismatch),
                  told ? Severity::info : Severity::warn,
                  "cgroup driver",
                  "",
                  "",
                  "",
                  ""};
  finding.message = "the kubelet's cgroup driver is " + kubelet + ", containerd's is " + ours +
                    (told ? ": a kubelet from Kubernetes 1.31 on takes containerd's, an older one "
                            "keeps its own"
                          : ": pods lose their limits or do not start once the node is loaded");
  finding.evidence = "cgroupDriver " + kubelet + " in " + facts.kubelet->source +
                     "; SystemdCgroup " + (ours == "systemd" ? "true" : "false") + " of " +
                     facts.containerd->socket;
  finding.remedy = "set SystemdCgroup = " + std::string(kubelet == "systemd" ? "true" : "false") +
                   " under the runc runtime's options in containerd's config.toml, or "
                   "cgroupDriver: " +
                   ours + " in the kubelet's configuration; then restart both";
  return finding;
}

Finding two_managers(const HostFacts& facts) {
  return {std::string(code::kCgroupDriverMismatch),
          Severity::info,
          "cgroup driver",
          "",
          "kubelet and containerd manage cgroups by themselves (cgroupfs) beside systemd on cgroup "
          "v2: two managers of one tree, which get in each other's way under memory pressure",
          "cgroupDriver cgroupfs in " + facts.kubelet->source + "; PID 1 is systemd; cgroup v2",
          "set cgroupDriver: systemd in the kubelet's configuration and SystemdCgroup = true in "
          "containerd's config.toml, with the node drained"};
}

}  // namespace

Findings cgroup_drivers(const std::filesystem::path& root, const HostFacts& facts) {
  if (!facts.kubelet || !facts.containerd || !facts.containerd->cri) return {};
  const std::string& kubelet = facts.kubelet->cgroup_driver;
  if (kubelet.empty() || !facts.containerd->cgroup_driver_known) return {};
  const std::string ours = facts.containerd->systemd_cgroup ? "systemd" : "cgroupfs";
  if (kubelet != ours) return {mismatch(facts, kubelet, ours)};
  if (ours == "cgroupfs" && facts.cgroup_v2 && read_text(root / "proc/1/comm") == "systemd") {
    return {two_managers(facts)};
  }
  return {};
}

Findings emulators_registered(const HostFacts& facts) {
  const std::uint16_t own = machine_number(facts.machine);
  std::string handlers;
  std::string names;
  for (const BinfmtHandler& handler : facts.binfmt) {
    if (!handler.enabled || handler.elf_machine == 0 || handler.elf_machine == own) continue;
    handlers.append(handlers.empty() ? "" : ", ")
        .append(handler.name + " runs e_machine " + std::to_string(handler.elf_machine) + " by " +
                handler.interpreter + " (flags " +
                (handler.flags.empty() ? "none" : handler.flags) + ")");
    names.append(names.empty() ? "" : ", ").append(handler.name);
  }
  if (names.empty() || own == 0) return {};
  return {{std::string(code::kEmulatorRegistered), Severity::info, names, "",
           "this host runs programs that are built for other processors, by an emulator: an image "
           "of the wrong architecture would start, and be slow",
           handlers,
           "if nobody here means that: apt-get purge qemu-user-static binfmt-support, or echo -1 > "
           "/proc/sys/fs/binfmt_misc/NAME until the next start; images are refused all the same "
           "unless their \"emulation\" allows it"}};
}

}  // namespace nodeproof::host
