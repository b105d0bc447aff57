#include "agent/host/kubelet.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "agent/host/text_files.hpp"
#include "common/file.hpp"
#include "common/node_service.hpp"
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

// The command line of a running kubelet, or MicroK8s' list of arguments.
CommandLine find_arguments(const fs::path& root) {
  constexpr std::array<std::string_view, 1> kPrograms{"kubelet"};
  if (auto running = find_service(root, kPrograms, ::geteuid() == 0)) return *std::move(running);
  const std::string text = read_text(below(root, kMicrok8sArguments));
  std::vector<std::string> words;
  for (const std::string_view word : words_of(text)) words.emplace_back(word);
  return CommandLine(std::move(words));
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
  const std::string driver = text_in(document, "cgroupDriver");
  if (!driver.empty()) facts.cgroup_driver = driver;
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

bool take_arguments(const CommandLine& arguments, KubeletFacts& facts) {
  if (arguments.empty()) return false;
  take_eviction_argument(arguments.value_of("--eviction-hard"), facts);
  if (const auto high = percent_of(arguments.value_of("--image-gc-high-threshold"))) {
    facts.image_gc_high_percent = *high;
  }
  const std::string driver = arguments.value_of("--cgroup-driver");
  if (!driver.empty()) facts.cgroup_driver = driver;
  add_source(facts, "its command line");
  return true;
}

}  // namespace

std::optional<KubeletFacts> read_kubelet(const fs::path& root) {
  KubeletFacts facts;
  const CommandLine arguments = find_arguments(root);
  const std::string config = arguments.value_of("--config");
  const std::string directory = arguments.value_of("--config-dir");
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
