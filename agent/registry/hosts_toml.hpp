// containerd's certs.d: who is asked instead of a registry (containerd docs/hosts.md).
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/error.hpp"
#include "common/http.hpp"
#include "common/http_url.hpp"

namespace nodeproof::registry {

struct WrittenHost {
  std::optional<HttpUrl> api;  // target "/v2", or what override_path makes of it; nothing = the
                               // registry itself, spoken to as usual
  bool resolve = true, pull = true;
  TlsSettings tls = {};  // containerd adds `ca` to the system's store; of several clients the first
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::optional<std::chrono::milliseconds> dial_timeout = {};
  // k3s' and RKE2's own: expression and replacement for the repository's path; the first that
  // changes it counts.
  std::vector<std::pair<std::string, std::string>> rewrites = {};
  friend bool operator==(const WrittenHost&, const WrittenHost&) = default;
};

// In the order in which they are asked; the root's `server` is last. `file` is for messages, and
// relative paths start at its folder. Errc::invalid_config naming file and path, where containerd
// would only log it and go to the registry.
Result<std::vector<WrittenHost>> parse_hosts_toml(std::string_view text,
                                                  const std::filesystem::path& file);

// Of the first folder that there is for the registry: HOST_PORT_, HOST:PORT, HOST, _default in each
// directory. Without a hosts.toml the *.crt, *.cert and *.key in it are for the registry itself.
// Nothing = no such folder.
Result<std::optional<std::vector<WrittenHost>>> read_hosts(
    const std::vector<std::filesystem::path>& directories, const std::string& registry);

}  // namespace nodeproof::registry
