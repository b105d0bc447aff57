#include "agent/host/kubelet.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "agent/host/text_files.hpp"
#include "common/file.hpp"
#include "common/yaml.hpp"

namespace nodeproof::host {
namespace {

namespace fs = std::filesystem;

constexpr const char* kKubeadmConfig = "/var/lib/kubelet/config.yaml";
constexpr const char* kMicrok8sArguments = "/var/snap/microk8s/current/args/kubelet";
constexpr std::array kConfigDirectories = {"/var/lib/rancher/k3s/agent/etc/kubelet.conf.d",
                                           "/var/lib/rancher/rke2/agent/etc/kubelet.conf.d"};
constexpr unsigned kWhole = 100;  // percent

// A path as the node sees it, below the root directory.
fs::path below(const fs::path& root, const fs::path& path) { return root / path.relative_path(); }

using Arguments = std::vector<std::string>;

bool is_pid(const std::string& name) {
  return !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
}

Arguments split_at_nul(const std::string& text) {
  Arguments words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\0', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

// The command line of a running kubelet, or MicroK8s' list of arguments.
Arguments find_arguments(const fs::path& root) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root / "proc", ignored)) {
    if (!is_pid(entry.path().filename().string())) continue;
    if (read_text(entry.path() / "comm") != "kubelet") continue;
    if (const auto line = read_file(entry.path() / "cmdline")) return split_at_nul(*line);
  }
  const std::string text = read_text(below(root, kMicrok8sArguments));
  Arguments words;
  for (const std::string_view word : words_of(text)) words.emplace_back(word);
  return words;
}

// "--name=value" or "--name value"; the last one counts.
std::string argument(const Arguments& arguments, std::string_view name) {
  std::string found;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view word = arguments[i];
    if (!word.starts_with("--") || !word.substr(2).starts_with(name)) continue;
    word.remove_prefix(2 + name.size());
    if (word.starts_with('=')) found = word.substr(1);
    if (word.empty() && i + 1 < arguments.size()) found = arguments[i + 1];
  }
  return found;
}

std::optional<unsigned> percent_of(std::string_view text) {
  unsigned number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size() || number > kWhole) return {};
  return number;
}

void add_source(KubeletFacts& facts, const std::string& source) {
  facts.source += (facts.source.empty() ? "" : ", ") + source;
}

std::string text_in(const json::Value& document, std::string_view key) {
  const json::Value* value = document.find(key);
  return value == nullptr ? "" : value->string().value_or("");
}

void take_document(const json::Value& document, KubeletFacts& facts) {
  if (const json::Value* high = document.find("imageGCHighThresholdPercent")) {
    const auto number = high->unsigned_integer();
    if (number && *number <= kWhole) facts.image_gc_high_percent = static_cast<unsigned>(*number);
  }
  if (const json::Value* marks = document.find("evictionHard")) {
    for (const auto& [signal, amount] : marks->members()) {
      if (const auto text = amount.string()) facts.eviction_hard[signal] = *text;
    }
  }
  const std::string policy = text_in(document, "imagePullCredentialsVerificationPolicy");
  if (!policy.empty()) facts.pull_credentials_policy = policy;
  if (const json::Value* allowed = document.find("preloadedImagesVerificationAllowlist")) {
    if (const auto patterns = allowed->strings()) facts.preloaded_images_allowlist = *patterns;
  }
}

// True when there is such a file, whatever is in it.
bool take_file(const fs::path& root, const std::string& path, KubeletFacts& facts) {
  std::error_code ignored;
  if (!fs::exists(below(root, path), ignored)) return false;
  const auto text = read_file(below(root, path));
  const auto document = text ? yaml::parse(*text) : std::unexpected(text.error());
  if (!document) {
    add_source(facts, path + " (unreadable: " + document.error().message + ")");
    return true;
  }
  add_source(facts, path);
  take_document(*document, facts);
  return true;
}

// In the order of their names, as kubelet reads them.
bool take_directory(const fs::path& root, const std::string& path, KubeletFacts& facts) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(below(root, path), ignored)) {
    if (entry.path().extension() == ".conf") names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  bool found = false;
  for (const std::string& name : names) {
    found = take_file(root, (fs::path(path) / name).string(), facts) || found;
  }
  return found;
}

// "imagefs.available<5%,nodefs.available<5%"
void take_eviction_argument(std::string_view text, KubeletFacts& facts) {
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    const std::size_t less = one.find('<');
    if (less != std::string_view::npos) {
      facts.eviction_hard[std::string(one.substr(0, less))] = one.substr(less + 1);
    }
    text.remove_prefix(std::min(one.size() + 1, text.size()));
  }
}

bool take_arguments(const Arguments& arguments, KubeletFacts& facts) {
  if (arguments.empty()) return false;
  take_eviction_argument(argument(arguments, "eviction-hard"), facts);
  if (const auto high = percent_of(argument(arguments, "image-gc-high-threshold"))) {
    facts.image_gc_high_percent = *high;
  }
  add_source(facts, "its command line");
  return true;
}

}  // namespace

std::optional<KubeletFacts> read_kubelet(const fs::path& root) {
  KubeletFacts facts;
  const Arguments arguments = find_arguments(root);
  const std::string config = argument(arguments, "config");
  const std::string directory = argument(arguments, "config-dir");
  bool found = take_file(root, config.empty() ? kKubeadmConfig : config, facts);
  if (!directory.empty()) {
    found = take_directory(root, directory, facts) || found;
  } else {
    for (const char* known : kConfigDirectories) {
      found = take_directory(root, known, facts) || found;
    }
  }
  found = take_arguments(arguments, facts) || found;
  if (!found) return {};
  return facts;
}

}  // namespace nodeproof::host
