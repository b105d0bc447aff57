#include <algorithm>
#include <array>
#include <charconv>

#include "agent/codes.hpp"
#include "agent/host/doctor.hpp"
#include "agent/host/text_files.hpp"
#include "common/file.hpp"
#include "common/toml.hpp"

namespace nodeproof::host {
namespace {

namespace fs = std::filesystem;

// Where a containerd with this socket keeps its images unless it is told otherwise, and where it is
// told.
struct Home {
  std::string_view socket;  // begins so
  const char* root;
  const char* config;
};
constexpr std::array<Home, 4> kHomes = {
    {{"/run/k3s/", "var/lib/rancher/k3s/agent/containerd",
      "var/lib/rancher/k3s/agent/etc/containerd/config.toml"},
     {"/run/k3s/", "var/lib/rancher/rke2/agent/containerd",
      "var/lib/rancher/rke2/agent/etc/containerd/config.toml"},
     {"/var/snap/microk8s/", "var/snap/microk8s/common/var/lib/containerd",
      "var/snap/microk8s/current/args/containerd.toml"},
     {"/", "var/lib/containerd", "etc/containerd/config.toml"}}};

const Home* home_of(const fs::path& root, const std::string& socket) {
  for (const Home& home : kHomes) {
    std::error_code error;
    const bool general = home.socket == "/";
    if (!socket.starts_with(home.socket)) continue;
    if (general || fs::exists(root / home.root, error)) return &home;
  }
  return nullptr;
}

struct Mount {
  std::string device;  // "179:2"
  std::string source;  // "/dev/mmcblk0p2"
};

bool holds(std::string_view mount, std::string_view path) {
  return mount == "/" ||
         (path.starts_with(mount) && (path.size() == mount.size() || path[mount.size()] == '/'));
}

// proc(5), mountinfo: the last of the longest mount points is what a path is on.
Mount mount_of(const fs::path& root, const std::string& path) {
  constexpr std::size_t kDevice = 2, kPoint = 4;
  const std::string text = read_text(root / "proc/self/mountinfo");
  Mount mount;
  std::size_t longest = 0;
  for (const std::string_view line : lines_of(text)) {
    const auto words = words_of(line);
    const auto dash = std::ranges::find(words, "-");
    if (words.size() <= kPoint || words.end() - dash < 3) continue;
    if (!holds(words[kPoint], path) || words[kPoint].size() < longest) continue;
    longest = words[kPoint].size();
    mount = {std::string(words[kDevice]), std::string(dash[2])};
  }
  return mount;
}

// "mmcblk0p2"; "" = the mount is on no SD card or eMMC.
std::string card_of(const fs::path& root, const Mount& mount) {
  constexpr std::string_view kCard = "mmcblk";
  constexpr std::string_view kName = "DEVNAME=";
  const std::string event = read_text(root / "sys/dev/block" / mount.device / "uevent");
  for (std::string_view line : lines_of(event)) {
    if (!line.starts_with(kName)) continue;
    line.remove_prefix(kName.size());
    return line.starts_with(kCard) ? std::string(line) : std::string();
  }
  const std::string_view source = mount.source;
  return source.starts_with("/dev/mmcblk") ? mount.source.substr(5) : std::string();
}

bool is_set(const json::Value& document, std::string_view plugin, std::string_view key) {
  const json::Value* plugins = document.find("plugins");
  const json::Value* section = plugins == nullptr ? nullptr : plugins->find(plugin);
  const json::Value* value = section == nullptr ? nullptr : section->find(key);
  return value != nullptr && value->boolean().value_or(false);
}

bool syncs(const json::Value& document) {
  return is_set(document, "io.containerd.service.v1.diff-service", "sync_fs") ||
         is_set(document, "io.containerd.grpc.v1.cri", "image_pull_with_sync_fs") ||
         is_set(document, "io.containerd.cri.v1.images", "image_pull_with_sync_fs");
}

struct Version {
  unsigned major = 0, minor = 0;
  friend auto operator<=>(const Version&, const Version&) = default;
};

Version version_of(std::string_view text) {
  Version version;
  if (text.starts_with('v')) text.remove_prefix(1);
  const auto [dot, failure] =
      std::from_chars(text.data(), text.data() + text.size(), version.major);
  if (failure == std::errc() && dot != text.data() + text.size() && *dot == '.') {
    std::from_chars(dot + 1, text.data() + text.size(), version.minor);
  }
  return version;
}

std::string remedy_for(const Version& version, const std::string& config) {
  if (version < Version{1, 7}) {
    return "containerd before 1.7 cannot be told to: update it, then set image_pull_with_sync_fs "
           "= true; pulls by nodeproof are synced in any case";
  }
  const char* const section =
      version.major >= 2 ? "'io.containerd.cri.v1.images'" : "\"io.containerd.grpc.v1.cri\"";
  return "set image_pull_with_sync_fs = true under [plugins." + std::string(section) + "] in " +
         config + " and restart containerd; pulls by nodeproof are synced in any case";
}

}  // namespace

Findings unsynced_card(const fs::path& root, const HostFacts& facts) {
  if (!facts.containerd) return {};
  const Home* home = home_of(root, facts.containerd->socket);
  if (home == nullptr) return {};
  const auto text = read_file(root / home->config);
  const auto document =
      text ? toml::parse(*text) : Result<json::Value>(std::unexpected(text.error()));
  if (document && syncs(*document)) return {};
  std::string images = "/" + std::string(home->root);
  if (document) images = document->string_or("root", images).value_or(images);
  const Mount mount = mount_of(root, images);
  const std::string card = card_of(root, mount);
  if (card.empty()) return {};
  return {{std::string(code::kUnpackNotSynced), Severity::info, images, "",
           "containerd unpacks images on an SD card or eMMC without a sync: a power cut soon after "
           "a kubelet's pull leaves empty files that no later pull repairs",
           images + " is on /dev/" + card + "; neither image_pull_with_sync_fs nor sync_fs is set",
           remedy_for(version_of(facts.containerd->version), "/" + std::string(home->config))}};
}

}  // namespace nodeproof::host
