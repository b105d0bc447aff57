#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "agent/codes.hpp"
#include "agent/host/doctor.hpp"
#include "agent/host/text_files.hpp"
#include "common/file.hpp"
#include "common/layer_inflate.hpp"

namespace nodeproof::host {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxText = 8U << 20U;  // of modules.dep or a kernel's configuration

// Modules that go by another name in the kernel's configuration than in capitals.
struct Option {
  std::string_view module;
  std::string_view name;
};
constexpr std::array<Option, 17> kOptions = {{{"bridge", "CONFIG_BRIDGE"},
                                              {"br_netfilter", "CONFIG_BRIDGE_NETFILTER"},
                                              {"dummy", "CONFIG_DUMMY"},
                                              {"erofs", "CONFIG_EROFS_FS"},
                                              {"fuse", "CONFIG_FUSE_FS"},
                                              {"geneve", "CONFIG_GENEVE"},
                                              {"ip_tables", "CONFIG_IP_NF_IPTABLES"},
                                              {"ip_vs", "CONFIG_IP_VS"},
                                              {"iptable_filter", "CONFIG_IP_NF_FILTER"},
                                              {"iptable_mangle", "CONFIG_IP_NF_MANGLE"},
                                              {"iptable_nat", "CONFIG_IP_NF_NAT"},
                                              {"iptable_raw", "CONFIG_IP_NF_RAW"},
                                              {"nf_tables", "CONFIG_NF_TABLES"},
                                              {"overlay", "CONFIG_OVERLAY_FS"},
                                              {"veth", "CONFIG_VETH"},
                                              {"vxlan", "CONFIG_VXLAN"},
                                              {"wireguard", "CONFIG_WIREGUARD"}}};

class TextReader final : public ByteReader {
 public:
  explicit TextReader(std::string_view text) : rest_(text) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t length = std::min(buffer.size(), rest_.size());
    std::memcpy(buffer.data(), rest_.data(), length);
    rest_.remove_prefix(length);
    return length;
  }

 private:
  std::string_view rest_;
};

std::string inflated(std::string_view compressed) {
  constexpr unsigned kWindow = 23;
  TextReader reader(compressed);
  auto plain = inflate(reader, kWindow);
  if (!plain || (*plain)->compression() != Compression::gzip) return {};
  std::string text;
  std::array<std::byte, 16384> piece{};
  while (text.size() < kMaxText) {
    const auto length = (*plain)->read(piece);
    if (!length) return {};
    if (*length == 0) return text;
    text.append(as_text(Bytes(piece).first(*length)));
  }
  return {};
}

std::string text_of(const fs::path& file) { return read_file(file, kMaxText).value_or(""); }

std::string with_underscores(std::string_view name) {
  std::string out(name);
  std::ranges::replace(out, '-', '_');
  return out;
}

// "kernel/drivers/net/vxlan/vxlan.ko.xz: kernel/..." of modules.dep, or a line of modules.builtin.
bool lists(std::string_view modules, std::string_view name) {
  for (std::string_view line : lines_of(modules)) {
    line = line.substr(0, line.find(':'));
    line.remove_prefix(std::min(line.rfind('/') + 1, line.size()));
    const std::size_t end = line.find(".ko");
    if (end == name.size() && with_underscores(line.substr(0, end)) == name) return true;
  }
  return false;
}

std::string_view option_of(std::string_view module) {
  const auto* found = std::ranges::find(kOptions, module, &Option::module);
  return found == kOptions.end() ? std::string_view() : found->name;
}

struct Answer {
  std::optional<bool> present;  // nothing = not known
  std::string evidence;
};

// One kernel's features, from whatever of its papers there is.
class Kernel {
 public:
  Kernel(const fs::path& root, const std::string& release)
      : root_(root), release_(release), modules_(root / "lib/modules" / release) {}

  Answer look_up(const std::string& feature) {
    if (feature == "btf") return btf();
    if (feature.starts_with("CONFIG_")) return option(feature);
    return module(with_underscores(feature));
  }

 private:
  Answer btf() const {
    std::error_code error;
    if (fs::exists(root_ / "sys/kernel/btf/vmlinux", error)) return {true, ""};
    if (!fs::is_directory(root_ / "sys/kernel", error)) return {{}, "/sys/kernel is not readable"};
    return {false, "there is no /sys/kernel/btf/vmlinux"};
  }

  Answer option(std::string_view name) {
    if (configuration().empty()) {
      return {{}, "neither /proc/config.gz nor /boot/config-" + release_ + " is readable"};
    }
    const std::string value = value_of(name);
    if (!value.empty()) return {true, ""};
    return {false, std::string(name) + " is not set in " + source_};
  }

  Answer module(const std::string& name) {
    if (runs(name)) return {true, ""};
    const std::string loadable = text_of(modules_ / "modules.dep");
    const std::string built_in = text_of(modules_ / "modules.builtin");
    if (lists(loadable, name) || lists(built_in, name)) return {true, ""};
    const std::string_view known = option_of(name);
    const std::string value = known.empty() ? "" : value_of(known);
    if (value == "y") return {true, ""};
    if (!loadable.empty() && !built_in.empty()) {
      return {false, "neither loaded nor in modules.dep and modules.builtin of /lib/modules/" +
                         release_ + (value == "m" ? ", though built as a module" : "")};
    }
    if (!known.empty() && !configuration().empty() && value.empty()) {
      return {false, std::string(known) + " is not set in " + source_};
    }
    return {{}, "/lib/modules/" + release_ + " is not readable"};
  }

  bool runs(const std::string& name) const {
    std::error_code error;
    if (fs::exists(root_ / "sys/module" / name, error)) return true;
    const std::string text = read_text(root_ / "proc/filesystems");
    const auto words = words_of(text);
    return std::ranges::find(words, name) != words.end();
  }

  const std::string& configuration() {
    if (read_) return configuration_;
    read_ = true;
    source_ = "/proc/config.gz";
    configuration_ = inflated(text_of(root_ / "proc/config.gz"));
    for (const std::string& file :
         {"boot/config-" + release_, "lib/modules/" + release_ + "/config"}) {
      if (!configuration_.empty()) break;
      source_ = "/" + file;
      configuration_ = text_of(root_ / file);
    }
    return configuration_;
  }

  // "y", "m" or a value; "" = not set.
  std::string value_of(std::string_view name) {
    const std::string start = std::string(name) + "=";
    for (const std::string_view line : lines_of(configuration())) {
      if (line.starts_with(start)) return std::string(line.substr(start.size()));
    }
    return {};
  }

  const fs::path& root_;
  const std::string& release_;
  fs::path modules_;
  bool read_ = false;
  std::string configuration_, source_;
};

std::string remedy_for(const std::string& feature, const HostFacts& facts) {
  if (feature == "btf") return "boot a kernel that was built with CONFIG_DEBUG_INFO_BTF=y";
  if (feature.starts_with("CONFIG_")) return "boot a kernel that was built with " + feature;
  const std::string_view option = option_of(with_underscores(feature));
  const bool pi = facts.board.contains("Raspberry Pi");
  return "install the package with the kernel's other modules (Ubuntu: " +
         std::string(pi ? "linux-modules-extra-raspi"
                        : "linux-modules-extra-" + facts.kernel_release) +
         "), reboot after a kernel's upgrade, or boot a kernel that was built with " +
         (option.empty() ? "it" : std::string(option));
}

Finding missing(const std::string& feature, const Answer& answer, const HostFacts& facts) {
  Finding finding{std::string(code::kKernelFeatureMissing),
                  Severity::fail,
                  feature,
                  "",
                  "",
                  "",
                  remedy_for(feature, facts)};
  finding.message = "this kernel (" + facts.kernel_release + ") has no " + feature +
                    ", which host.kernel.require demands";
  finding.evidence = answer.evidence;
  return finding;
}

Finding not_known(const std::string& feature, const Answer& answer, const HostFacts& facts) {
  return {std::string(code::kKernelFeatureMissing),
          Severity::unknown,
          feature,
          "",
          "whether this kernel (" + facts.kernel_release + ") has " + feature +
              ", which host.kernel.require demands, is not known",
          answer.evidence,
          "make /lib/modules readable to nodeproof (in a container: mount it from the host), or "
          "install the kernel's configuration (modprobe configs gives /proc/config.gz)"};
}

}  // namespace

Findings kernel_features(const fs::path& root, const HostFacts& facts,
                         const std::vector<std::string>& required) {
  Findings findings;
  Kernel kernel(root, facts.kernel_release);
  for (const std::string& feature : required) {
    const Answer answer = kernel.look_up(feature);
    if (!answer.present) findings.push_back(not_known(feature, answer, facts));
    if (answer.present == false) findings.push_back(missing(feature, answer, facts));
  }
  const bool overlay = facts.containerd && facts.containerd->snapshotter == "overlayfs";
  if (!overlay || std::ranges::find(required, "overlay") != required.end()) return findings;
  const Answer answer = kernel.look_up("overlay");
  if (answer.present != false) return findings;
  Finding finding = missing("overlay", answer, facts);
  finding.severity = Severity::warn;
  finding.message = "this kernel (" + facts.kernel_release +
                    ") has no overlay, which containerd's snapshotter overlayfs mounts";
  findings.push_back(std::move(finding));
  return findings;
}

}  // namespace nodeproof::host
