#include <algorithm>
#include <array>

#include "agent/host/host.hpp"
#include "agent/model_json.hpp"
#include "common/text.hpp"

namespace nodeproof::host {
namespace {

constexpr std::size_t kLabelWidth = 13;
constexpr std::size_t kLineWidth = 100;
constexpr std::size_t kMaxValue = 4096;  // bytes

// An empty value is said to be unknown.
void row(std::string& out, std::string_view label, std::string_view value) {
  out.append(label).append(kLabelWidth - std::min(kLabelWidth, label.size()), ' ');
  out +=
      wrapped(value.empty() ? "not known" : printable(value, kMaxValue), kLabelWidth, kLineWidth);
  out += '\n';
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out.append(out.empty() ? "" : " ").append(word);
  return out;
}

std::string bits(unsigned count) {
  return count == 0 ? "not known" : std::to_string(count) + "-bit";
}

std::string page_size(std::uint64_t bytes) {
  if (bytes == 0) return {};
  return bytes % 1024 == 0 ? std::to_string(bytes / 1024) + "K" : std::to_string(bytes);
}

std::string address_space(const HostFacts& facts) {
  return facts.va_bits == 0 ? "" : std::to_string(facts.va_bits) + " bits of address per process";
}

std::string arm_programs(const HostFacts& facts) {
  if (!facts.aarch32) return {};
  return *facts.aarch32 ? "run here (one was started)" : "do not run here (one was refused)";
}

std::string emulators(const HostFacts& facts) {
  std::string out;
  for (const BinfmtHandler& handler : facts.binfmt) {
    if (!handler.enabled || handler.elf_machine == 0) continue;
    out.append(out.empty() ? "" : ", ").append(handler.name + " (" + handler.interpreter + ")");
  }
  return out.empty() ? "none" : out;
}

std::string cgroups(const HostFacts& facts) {
  if (facts.cgroup_controllers.empty()) return {};
  return (facts.cgroup_v2 ? "v2: " : "v1: ") + joined(facts.cgroup_controllers);
}

std::string containerd(const HostFacts& facts) {
  if (!facts.containerd) return {};
  const ContainerdFacts& found = *facts.containerd;
  return found.version + " at " + found.socket + ", namespace " + found.namespace_ +
         ", snapshotter " + found.snapshotter + (found.cri ? ", CRI" : ", no CRI") +
         (found.systemd_cgroup ? ", systemd cgroup driver" : "");
}

std::string kubelet(const KubeletFacts& found) {
  std::string marks;
  for (const auto& [signal, amount] : found.eviction_hard) {
    marks += ", evicts at " + signal + " < " + amount;
  }
  return "deletes images above " + std::to_string(found.image_gc_high_percent) + " % in use" +
         marks + " (" + found.source + ")";
}

void finding_rows(std::string& out, const Finding& finding) {
  out += '\n';
  row(out, to_string(finding.severity), finding.code + ": " + finding.message);
  if (!finding.evidence.empty()) row(out, "  evidence", finding.evidence);
  if (!finding.remedy.empty()) row(out, "  remedy", finding.remedy);
}

}  // namespace

std::string to_table(const HostFacts& facts) {
  std::string out;
  row(out, "name", facts.name);
  row(out, "board", facts.board);
  if (!facts.l4t.empty()) {
    row(out, "Jetson",
        "L4T " + facts.l4t + (facts.jetpack.empty() ? "" : ", JetPack " + facts.jetpack));
  }
  row(out, "platform", to_string(facts.platform));
  row(out, "machine",
      facts.machine + ", kernel " + bits(facts.kernel_bits) + ", userland " +
          bits(facts.userland_bits));
  row(out, "kernel", facts.kernel_release);
  row(out, "page size", page_size(facts.page_size));
  row(out, "addresses", address_space(facts));
  if (facts.machine == "aarch64") row(out, "32-bit Arm", arm_programs(facts));
  if (!facts.isa_level.empty()) row(out, "ISA level", facts.isa_level);
  row(out, "features", joined(facts.hwcaps));
  row(out, "emulators", emulators(facts));
  row(out, "cgroups", cgroups(facts));
  row(out, "containerd", containerd(facts));
  if (!facts.runc.empty()) row(out, "runc", facts.runc);
  if (!facts.clone3.empty()) row(out, "clone3", "in containers: " + facts.clone3);
  if (facts.kubelet) row(out, "kubelet", kubelet(*facts.kubelet));
  for (const Finding& finding : facts.findings) finding_rows(out, finding);
  return out;
}

}  // namespace nodeproof::host
