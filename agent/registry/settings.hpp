// How the operator says that a registry is to be spoken to.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/http.hpp"

namespace nodeproof::registry {

struct HostSettings {
  std::optional<bool>
      plain_http;  // nothing = HTTPS, but plain HTTP for a loopback host without a ca_file
  TlsSettings tls;
  std::vector<std::string> mirrors = {};  // URLs, asked before the registry, in this order
  std::string proxy = {};                 // HttpRequest::proxy
  friend bool operator==(const HostSettings&, const HostSettings&) = default;
};

// By host[:port] as it stands in references: "docker.io", "registry.lan:5000". A mirror's or token
// service's own settings stand under its own name.
using Settings = std::map<std::string, HostSettings, std::less<>>;

}  // namespace nodeproof::registry
