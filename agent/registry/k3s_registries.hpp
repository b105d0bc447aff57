// registries.yaml of k3s and RKE2: mirrors, and what is needed to speak to each host.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/registry/written_login.hpp"
#include "common/error.hpp"

namespace nodeproof::registry {

struct K3sMirror {
  std::vector<std::string> endpoints;  // as written: "https://cache.lan:5000", "cache.lan/v2/hub"
  // Regular expression on the repository's path and its replacement ("$1"), in the file's order.
  std::vector<std::pair<std::string, std::string>> rewrites;
  friend bool operator==(const K3sMirror&, const K3sMirror&) = default;
};

struct K3sTls {
  std::string ca_file, cert_file, key_file;
  bool insecure_skip_verify = false;
  friend bool operator==(const K3sTls&, const K3sTls&) = default;
};

struct K3sHost {
  std::optional<WrittenLogin> auth;
  std::optional<K3sTls> tls;
  friend bool operator==(const K3sHost&, const K3sHost&) = default;
};

struct K3sRegistries {
  std::map<std::string, K3sMirror, std::less<>> mirrors;  // by registry: "docker.io", "*"
  std::map<std::string, K3sHost, std::less<>> configs;    // by host[:port] of registry or endpoint
  friend bool operator==(const K3sRegistries&, const K3sRegistries&) = default;
};

// Keys that are not known are left alone, for versions differ. `file` is for messages. Numbers
// stand for strings as they are written. Errc::invalid_config naming file and path.
Result<K3sRegistries> parse_k3s_registries(std::string_view text, const std::string& file);

}  // namespace nodeproof::registry
