#include "agent/report/page/host.hpp"

namespace nodeproof::report::page {
namespace {

constexpr std::size_t kMaxFact = 256;   // bytes
constexpr std::size_t kMaxList = 1200;  // bytes of words that follow each other
constexpr std::size_t kMaxLabels = 1500;

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
  return all;
}

std::string processor(const HostFacts& host) {
  std::string words = to_string(host.platform);
  if (!host.isa_level.empty()) words += ", " + host.isa_level;
  if (host.kernel_bits > 0 && host.userland_bits > 0) {
    words += ", kernel " + std::to_string(host.kernel_bits) + " bit, userland " +
             std::to_string(host.userland_bits) + " bit";
  }
  return words;
}

std::string addresses(const HostFacts& host) {
  std::string words;
  if (host.page_size > 0) words = std::to_string(host.page_size / 1024) + " KiB pages";
  if (host.va_bits > 0)
    words += (words.empty() ? "" : ", ") + std::to_string(host.va_bits) + "-bit addresses";
  return words.empty() ? "not known" : words;
}

std::string jetson(const HostFacts& host) {
  if (host.l4t.empty()) return "";
  return "L4T " + host.l4t + (host.jetpack.empty() ? "" : ", JetPack " + host.jetpack);
}

std::string containerd(const HostFacts& host) {
  if (!host.containerd) return "not reached";
  const ContainerdFacts& found = *host.containerd;
  return found.version + " at " + found.socket + ", namespace " + found.namespace_ + ", " +
         found.snapshotter + (found.cri ? ", with CRI" : "");
}

std::string cgroups(const HostFacts& host) {
  const std::string words = joined(host.cgroup_controllers);
  return (host.cgroup_v2 ? "v2: " : "v1: ") + (words.empty() ? "none" : words);
}

std::string emulators(const HostFacts& host) {
  std::vector<std::string> names;
  for (const BinfmtHandler& handler : host.binfmt) {
    if (handler.enabled) names.push_back(handler.name);
  }
  return joined(names);
}

Html labels(const NodeReport& report) {
  std::string all;
  for (const auto& [name, value] : report.labels)
    all += (all.empty() ? "" : ", ") + name + "=" + value;
  return text(all, kMaxLabels);
}

Html group(Literal term, const Html& value) {
  const Html both = row(term, value);
  return both.empty() ? both : element("div", both);
}

Html group(Literal term, const std::string& value) { return group(term, text(value, kMaxFact)); }

}  // namespace

Html host_section(const NodeReport& report) {
  const HostFacts& host = report.host;
  const Html facts =
      group("Board", host.board.empty() ? "not known" : host.board) +
      group("Processor", processor(host)) + group("Memory pages", addresses(host)) +
      group("Kernel", host.kernel_release + (host.machine.empty() ? "" : " " + host.machine)) +
      group("containerd", containerd(host)) + group("runc", host.runc) +
      group("Jetson", jetson(host)) + group("cgroups", cgroups(host)) +
      group("Emulators", emulators(host)) +
      group("kubelet", host.kubelet ? host.kubelet->source : std::string()) +
      group("Host name", host.name == report.node ? std::string() : host.name) +
      group("Labels", labels(report)) + group("Boot", code_text(host.boot_id)) +
      group("Configuration", code_text(report.config_digest)) +
      group("Agent",
            "nodeproof " + report.agent_version + ", report " + std::to_string(report.sequence)) +
      group("CPU features", text(joined(host.hwcaps), kMaxList));
  return section("node", "This node", element("div", "card", element("dl", "facts", facts)) + "\n");
}

}  // namespace nodeproof::report::page
