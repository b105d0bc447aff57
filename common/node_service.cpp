#include "common/node_service.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <system_error>

#include "common/file.hpp"

namespace nodeproof {
namespace {

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

// /proc/PID/status and cgroup tell without ptrace's rights.
bool is_of_the_node(const std::filesystem::path& process, bool we_are_root) {
  const auto status = read_file(process / "status");
  if (!status) return false;
  const auto users = status_words(*status, "Uid:");
  const bool all_root =
      !users.empty() && std::ranges::all_of(users, [](const auto& id) { return id == "0"; });
  if (we_are_root && !all_root) return false;
  if (status_words(*status, "NSpid:").size() != 1) return false;
  const auto cgroup = read_file(process / "cgroup").value_or("");
  constexpr std::array<std::string_view, 4> kContainers{"kubepods", "cri-containerd", "docker",
                                                        "libpod"};
  return std::ranges::none_of(kContainers,
                              [&](std::string_view name) { return cgroup.contains(name); });
}

bool is_pid(const std::string& name) {
  return !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

CommandLine CommandLine::of_process(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find('\0'));
    words.emplace_back(word);
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return CommandLine(std::move(words));
}

std::string_view CommandLine::program() const {
  if (words_.empty()) return {};
  std::string_view name = words_.front();
  name = name.substr(0, name.find(' '));
  return name.substr(name.rfind('/') + 1);  // npos + 1 is 0
}

std::string CommandLine::value_of(std::string_view flag) const {
  std::string found;
  for (std::size_t i = 0; i < words_.size(); ++i) {
    if (!words_[i].starts_with(flag)) continue;
    const std::string_view rest = std::string_view(words_[i]).substr(flag.size());
    if (rest.starts_with('=')) found = rest.substr(1);
    if (rest.empty() && i + 1 < words_.size()) found = words_[i + 1];
  }
  return found;
}

std::optional<CommandLine> find_service(const std::filesystem::path& root,
                                        std::span<const std::string_view> programs,
                                        bool we_are_root) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(root / "proc", ignored)) {
    if (!is_pid(entry.path().filename())) continue;
    const auto text = read_file(entry.path() / "cmdline");
    if (!text) continue;
    auto line = CommandLine::of_process(*text);
    if (std::ranges::find(programs, line.program()) == programs.end()) continue;
    if (is_of_the_node(entry.path(), we_are_root)) return line;
  }
  return std::nullopt;
}

}  // namespace nodeproof
