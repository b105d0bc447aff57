#include <algorithm>
#include <array>
#include <system_error>

#include "agent/cli/bundle.hpp"
#include "agent/cli/wiring.hpp"
#include "agent/config/credential.hpp"
#include "agent/registry/surroundings.hpp"
#include "common/file.hpp"

namespace nodeproof::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::array kContainerdConfigs = {"/etc/containerd/config.toml",
                                           "/var/lib/rancher/k3s/agent/etc/containerd/config.toml",
                                           "/var/lib/rancher/rke2/agent/etc/containerd/config.toml",
                                           "/var/snap/microk8s/current/args/containerd.toml"};

// What is in a folder, sorted; nothing where it cannot be read.
std::vector<fs::path> paths_in(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code problem;
  for (fs::directory_iterator at(folder, problem), end; !problem && at != end;
       at.increment(problem)) {
    paths.push_back(at->path());
  }
  std::ranges::sort(paths);
  return paths;
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

void learn_file(const fs::path& file, Syntax syntax, Redactor& redactor) {
  const auto text = read_file(file);
  if (!text) return;
  if (const auto document = parse_as(*text, syntax)) redactor.learn(*document);
}

// Its first line, with a password's usual spaces around.
void learn_password_file(const fs::path& file, Redactor& redactor) {
  const auto text = read_file(file);
  if (!text) return;
  std::string line = text->substr(0, text->find_first_of("\r\n"));
  redactor.learn(line);
  const auto first = line.find_first_not_of(" \t");
  if (first == std::string::npos) return;
  redactor.learn(line.substr(first, line.find_last_not_of(" \t") - first + 1));
}

// Named as in the configuration: a path, or a credential of the service manager's.
void learn_password(const std::string& named, Redactor& redactor) {
  if (!named.starts_with(config::kCredentialScheme)) return learn_password_file(named, redactor);
  if (const auto file = config::credential_file(named)) learn_password_file(*file, redactor);
}

// What cannot be parsed is looked through for the files of passwords that it names.
void learn_broken_config(const std::string& text, Redactor& redactor) {
  constexpr std::string_view kKey = "\"password_file\"";
  for (std::size_t at = 0; (at = text.find(kKey, at)) != std::string::npos;) {
    at += kKey.size();
    const std::size_t open = text.find('"', at);
    const std::size_t close = text.find('"', open + 1);
    if (open == std::string::npos || close == std::string::npos) return;
    learn_password(text.substr(open + 1, close - open - 1), redactor);
    at = close;
  }
}

// A file of our configuration, also when the loader refuses it: what it says, and the passwords in
// the files that it names.
void learn_config(const fs::path& file, Redactor& redactor) {
  const auto text = read_file(file);
  if (!text) return;
  const auto document = parse_as(*text, Syntax::json);
  if (!document) return learn_broken_config(*text, redactor);
  redactor.learn(*document);
  const json::Value* registries = document->find("registries");
  if (registries == nullptr) return;
  for (const auto& [host, registry] : registries->members()) {
    const auto path = registry.string_or("password_file", "");
    if (path && !path->empty()) learn_password(*path, redactor);
  }
}

void learn_environment(Redactor& redactor) {
  for (const auto& [name, value] : registry::Surroundings::of_this_process().environment) {
    if (names_secret(name)) redactor.learn(value);
    const std::size_t scheme = value.find("://");
    const std::size_t at = value.rfind('@');
    if (scheme == std::string::npos || at == std::string::npos || at < scheme) continue;
    const std::string login = value.substr(scheme + 3, at - scheme - 3);
    redactor.learn(login.substr(login.find(':') + 1));
  }
}

}  // namespace

std::vector<fs::path> config_files(const Globals& globals) {
  const fs::path main = config_path(globals);
  std::vector<fs::path> files{main};
  for (const fs::path& path : paths_in(main.parent_path() / "conf.d")) {
    if (path.extension() == ".json") files.push_back(path);
  }
  return files;
}

std::vector<fs::path> containerd_config_files() {
  return {kContainerdConfigs.begin(), kContainerdConfigs.end()};
}

std::vector<fs::path> hosts_files(const config::Config& config) {
  std::vector<fs::path> files;
  for (const fs::path& directory : route_files(config).hosts_directories) {
    for (const fs::path& folder : paths_in(directory)) {
      if (is_file(folder / "hosts.toml")) files.push_back(folder / "hosts.toml");
    }
  }
  return files;
}

void learn_secrets(const Globals& globals, const config::Config& config, Redactor& redactor) {
  for (const fs::path& file : config_files(globals)) learn_config(file, redactor);
  for (const fs::path& file : login_files(config)) {
    // Docker's are JSON; the others are YAML, which JSON is, too, by and large.
    learn_file(file, Syntax::json, redactor);
    learn_file(file, Syntax::yaml, redactor);
  }
  for (const fs::path& file : containerd_config_files()) learn_file(file, Syntax::toml, redactor);
  for (const fs::path& file : hosts_files(config)) learn_file(file, Syntax::toml, redactor);
  if (const fs::path file = route_files(config).k3s_registries; !file.empty()) {
    learn_file(file, Syntax::yaml, redactor);
  }
  learn_environment(redactor);
}

}  // namespace nodeproof::cli
