#include "agent/host/host.hpp"

#include <algorithm>
#include <iterator>

#include "agent/codes.hpp"
#include "agent/host/aarch32.hpp"
#include "agent/host/address_space.hpp"
#include "agent/host/auxv.hpp"
#include "agent/host/binfmt.hpp"
#include "agent/host/cgroup.hpp"
#include "agent/host/cpuinfo.hpp"
#include "agent/host/doctor.hpp"
#include "agent/host/jetson.hpp"
#include "agent/host/kubelet.hpp"
#include "agent/host/program.hpp"
#include "agent/host/runc.hpp"
#include "agent/host/text_files.hpp"
#include "agent/host/time_sync.hpp"
#include "common/file.hpp"

namespace nodeproof::host {
namespace {

std::string read_board(const std::filesystem::path& root) {
  for (const char* file : {"proc/device-tree/model", "sys/firmware/devicetree/base/model"}) {
    std::string model = read_text(root / file);
    if (!model.empty()) return model;
  }
  const std::filesystem::path dmi = root / "sys/class/dmi/id";
  std::string vendor = read_text(dmi / "sys_vendor");
  const std::string product = read_text(dmi / "product_name");
  if (!vendor.empty() && !product.empty()) vendor += ' ';
  return vendor + product;
}

// An old kernel's own width is known from its name only.
unsigned bits_of_machine(std::string_view machine) {
  if (machine.empty()) return 0;
  const bool narrow = machine.starts_with("armv") || machine == "arm" ||
                      (machine.size() == 4 && machine.ends_with("86"));
  return narrow ? 32 : 64;
}

void read_processor(const std::filesystem::path& root, HostFacts& facts) {
  facts.machine = read_machine(root);
  facts.kernel_bits = bits_of_machine(facts.machine);
  facts.userland_bits = read_userland(root).bits;
  const std::string cpuinfo = read_text(root / "proc/cpuinfo");
  facts.platform.os = "linux";
  facts.platform.architecture = go_architecture(facts.machine, facts.userland_bits);
  facts.platform.variant = cpu_variant(cpuinfo, facts.machine, facts.platform.architecture);

  // Not through read_text: the vector is binary and ends in zeroes.
  const auto auxv = parse_auxv(read_file(root / "proc/self/auxv").value_or(""));
  facts.page_size = auxv.page_size;
  facts.va_bits = read_va_bits(root);
  if (facts.machine == "aarch64") {
    facts.hwcaps = arm64_hwcaps(auxv.hwcap, auxv.hwcap2);
  } else if (facts.machine == "x86_64") {
    X86Features features = x86_features(cpuinfo);
    facts.isa_level = std::move(features.level);
    facts.hwcaps = std::move(features.flags);
  }
}

// Raspberry Pi's firmware adds cgroup_disable=memory by itself, so the answer is not always to
// delete a word.
Finding memory_cgroup_missing(const HostFacts& facts, std::string_view command_line) {
  Finding finding{
      std::string(code::kMemoryCgroupMissing), Severity::warn, "memory", "", "", "", ""};
  finding.message =
      "the kernel runs without the memory cgroup: memory limits of containers are not enforced";
  finding.evidence = facts.cgroup_v2 ? "no \"memory\" in /sys/fs/cgroup/cgroup.controllers"
                                     : "\"memory\" is not enabled in /proc/cgroups";
  if (command_line.contains("cgroup_disable=memory")) {
    finding.evidence += "; cgroup_disable=memory in /proc/cmdline";
  }
  finding.remedy = facts.board.contains("Raspberry Pi")
                       ? "append \"cgroup_enable=memory cgroup_memory=1\" to the one line of "
                         "/boot/firmware/cmdline.txt (/boot/cmdline.txt before bookworm) and reboot"
                       : "remove cgroup_disable=memory from the kernel command line, or add "
                         "cgroup_enable=memory, and reboot";
  return finding;
}

// A warning, not a failure: a containerd of the kernel's own width runs on such a userland too (k3s
// installs one).
Finding userland_bitness(const HostFacts& facts) {
  Finding finding{
      std::string(code::kUserlandBitness), Severity::warn, facts.machine, "", "", "", ""};
  finding.message = "a " + std::to_string(facts.userland_bits) + "-bit userland runs on a " +
                    std::to_string(facts.kernel_bits) + "-bit kernel: its containerd takes " +
                    to_string(facts.platform) + " images, though uname says " + facts.machine;
  finding.evidence =
      "kernel " + facts.machine + ", PID 1's program is ELF" + std::to_string(facts.userland_bits);
  finding.remedy = "install the " + std::to_string(facts.kernel_bits) +
                   "-bit operating system, or give this node images for " +
                   to_string(facts.platform);
  return finding;
}

void append(Findings& findings, Findings more) {
  std::ranges::move(more, std::back_inserter(findings));
}

}  // namespace

std::vector<Finding> examine(const HostFacts& facts, std::string_view command_line) {
  std::vector<Finding> findings;
  if (facts.userland_bits != 0 && facts.kernel_bits != 0 &&
      facts.userland_bits != facts.kernel_bits) {
    findings.push_back(userland_bitness(facts));
  }
  const auto& controllers = facts.cgroup_controllers;
  if (!controllers.empty() && std::ranges::find(controllers, "memory") == controllers.end()) {
    findings.push_back(memory_cgroup_missing(facts, command_line));
  }
  append(findings, emulators_registered(facts));
  return findings;
}

HostFacts read_host(const std::filesystem::path& root) {
  HostFacts facts;
  read_processor(root, facts);
  facts.kernel_release = read_text(root / "proc/sys/kernel/osrelease");
  facts.board = read_board(root);
  Jetson jetson = read_jetson(root);
  facts.l4t = std::move(jetson.l4t);
  facts.jetpack = std::move(jetson.jetpack);
  facts.name = read_text(root / "proc/sys/kernel/hostname");
  facts.boot_id = read_text(root / "proc/sys/kernel/random/boot_id");
  facts.binfmt = read_binfmt(root);
  Cgroups cgroups = read_cgroups(root);
  facts.cgroup_v2 = cgroups.v2;
  facts.cgroup_controllers = std::move(cgroups.controllers);
  facts.kubelet = read_kubelet(root);
  facts.runc = read_runc(root);
  facts.findings = examine(facts, read_text(root / "proc/cmdline"));
  append(facts.findings, power_and_heat(root));
  append(facts.findings, device_files(root, facts));
  append(facts.findings, containerd_ordering(root));
  return facts;
}

void probe(HostFacts& facts) {
  if (!facts.aarch32) facts.aarch32 = probe_aarch32(facts);
  append(facts.findings, examine_clock(read_clock(), "/"));
}

void diagnose(HostFacts& facts, const std::filesystem::path& root,
              const std::vector<std::string>& required_of_kernel) {
  append(facts.findings, cgroup_drivers(root, facts));
  append(facts.findings, kernel_features(root, facts, required_of_kernel));
  append(facts.findings, unsynced_card(root, facts));
  append(facts.findings, known_escapes(root, facts));
}

}  // namespace nodeproof::host
