#include <algorithm>
#include <array>
#include <sstream>
#include <vector>

#include "agent/registry/plugin_source.hpp"
#include "common/file.hpp"

namespace nodeproof::registry {

namespace {

constexpr std::string_view kConfigFlag = "--image-credential-provider-config";
constexpr std::string_view kBinFlag = "--image-credential-provider-bin-dir";
constexpr std::string_view kK3sFolder = "var/lib/rancher/credentialprovider";

bool is_kubelet(std::string_view program) {
  constexpr std::array<std::string_view, 4> kNames{"kubelet", "kubelite", "k3s", "rke2"};
  const auto slash = program.rfind('/');
  if (slash != std::string_view::npos) program.remove_prefix(slash + 1);
  // k3s names itself "/usr/local/bin/k3s server".
  program = program.substr(0, program.find(' '));
  return std::ranges::find(kNames, program) != kNames.end();
}

std::vector<std::string> words_of(const std::string& command_line) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < command_line.size();) {
    const auto end = std::min(command_line.find('\0', begin), command_line.size());
    words.push_back(command_line.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

// "--flag=value" or "--flag" "value"; "" without it.
std::string value_of(const std::vector<std::string>& words, std::string_view flag) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!words[i].starts_with(flag)) continue;
    const std::string_view rest = std::string_view(words[i]).substr(flag.size());
    if (rest.starts_with('=')) return std::string(rest.substr(1));
    if (rest.empty() && i + 1 < words.size()) return words[i + 1];
  }
  return "";
}

std::optional<PluginPlaces> places_of(const std::filesystem::path& process) {
  const auto command_line = read_file(process / "cmdline");
  if (!command_line) return {};
  const auto words = words_of(*command_line);
  if (words.empty() || !is_kubelet(words[0])) return {};
  const std::string config = value_of(words, kConfigFlag);
  const std::string bin_dir = value_of(words, kBinFlag);
  if (!config.starts_with('/') || !bin_dir.starts_with('/')) return {};
  return PluginPlaces{config, bin_dir};
}

// The words behind "NAME:" in /proc/PID/status.
std::vector<std::string> status_words(const std::string& status, std::string_view name) {
  std::vector<std::string> words;
  std::istringstream lines(status);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name)) continue;
    std::istringstream rest(line.substr(name.size()));
    for (std::string word; rest >> word;) words.push_back(word);
  }
  return words;
}

// Anybody can call a program kubelet, a container's root too: the node's own has no user but root
// in any of its IDs, and is in no container. /proc/PID/status and cgroup tell without ptrace's
// rights.
bool is_of_the_node(const std::filesystem::path& process, const Surroundings& around) {
  const auto status = read_file(process / "status");
  if (!status) return false;
  const auto users = status_words(*status, "Uid:");
  const bool all_root =
      !users.empty() && std::ranges::all_of(users, [](const auto& id) { return id == "0"; });
  if (around.is_root && !all_root) return false;
  if (status_words(*status, "NSpid:").size() != 1) return false;
  const auto cgroup = read_file(process / "cgroup").value_or("");
  constexpr std::array<std::string_view, 4> kContainers{"kubepods", "cri-containerd", "docker",
                                                        "libpod"};
  return std::ranges::none_of(kContainers,
                              [&](std::string_view name) { return cgroup.contains(name); });
}

}  // namespace

std::optional<PluginPlaces> find_plugins(const Surroundings& around) {
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(around.root / "proc", problem)) {
    const std::string name = entry.path().filename();
    if (name.empty() || name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto places = places_of(entry.path());
    if (places && is_of_the_node(entry.path(), around)) return places;
  }
  PluginPlaces k3s{around.root / kK3sFolder / "config.yaml", around.root / kK3sFolder / "bin"};
  if (std::filesystem::exists(k3s.config, problem)) return k3s;
  return {};
}

}  // namespace nodeproof::registry
