// From a reference to the hosts that are asked, in their order.
//
// Who says so: the configuration's `mirrors` of the registry; else containerd's certs.d; else the
// registries.yaml of k3s and RKE2; else the registry alone. How the registry itself is spoken to:
// what the configuration has for it, else what those files have.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/registry/host.hpp"
#include "agent/registry/rewrite.hpp"
#include "agent/registry/settings.hpp"
#include "common/reference.hpp"

namespace nodeproof::registry {

struct RouteFiles {
  std::vector<std::filesystem::path> hosts_directories = {};  // certs.d; the first that knows it
  std::filesystem::path k3s_registries = {};                  // "" = not looked at
  std::optional<Error> doubt = {};  // a file that says where to look, and cannot be read
};

// As configured.
struct RouteSearch {
  std::string hosts_dir = {}, k3s_registries = {};  // "" = found out, "none" = not used
  std::string socket = {};                          // of the containerd in use; "" = found out
};

// Found out: the CRI plugin's config_path in containerd's /etc/containerd/config.toml, else where
// containerd 2 looks (/etc/containerd/certs.d, /etc/docker/certs.d); then what k3s, RKE2 and
// MicroK8s have written. Where only one containerd has a socket, its own folders alone.
[[nodiscard]] RouteFiles find_route_files(const RouteSearch& wanted,
                                          const std::filesystem::path& root);

enum class Capability { resolve, pull };  // a tag to a digest; what has a digest

// A host before it is known whose repository is asked for.
struct Stop {
  Host host;
  bool resolve = true, pull = true;
  Rewrites rewrites = {};
};

// Thread-safe. Each file is read once.
class Routes {
 public:
  explicit Routes(Settings settings, RouteFiles files = {});
  Routes(const Routes&) = delete;
  Routes& operator=(const Routes&) = delete;
  ~Routes() = default;

  // Errc::invalid_config when a file that speaks for the registry cannot be read; never empty.
  Result<std::vector<Host>> to(const Reference& reference, Capability capability) const;
  // What makes it uncertain where to look, if anything does.
  [[nodiscard]] const std::optional<Error>& doubt() const { return files_.doubt; }
  // The registry itself, without its mirrors.
  Result<Host> registry(const Reference& reference) const;

  // For a URL that a host's answer named. Another host has settings of its own; a registry's CA and
  // client certificate are for its own host only, on whatever port.
  [[nodiscard]] TlsSettings tls_for(const HttpUrl& url, const Host& from) const;

 private:
  Result<Host> own_host(const Reference& reference) const;
  Result<std::vector<Stop>> configured_stops(const Reference& reference, const Host& own) const;
  Result<std::vector<Stop>> stops_in_files(const Reference& reference, const Host& own) const;
  Result<std::vector<Stop>> written_stops(const Reference& reference, const Host& own) const;
  Result<std::vector<Stop>> k3s_stops(const Reference& reference, const Host& own) const;
  void settle(Host& host, const Host& own) const;
  Result<std::vector<Stop>> stops(const Reference& reference) const;

  const Settings settings_;
  const RouteFiles files_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::vector<Stop>, std::less<>> known_;  // by registry
};

}  // namespace nodeproof::registry
