// What an operator says about one registry; secrets are already read from their files.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "common/http.hpp"

namespace nodeproof::registry {

struct HostSettings {
  std::optional<bool>
      plain_http;  // nothing = HTTPS, but plain HTTP for a loopback host without a ca_file
  TlsSettings tls;
  std::string username, password;  // "" = anonymous
  friend bool operator==(const HostSettings&, const HostSettings&) = default;
};

// By host[:port] as it stands in references: "docker.io", "registry.lan:5000".
using Settings = std::map<std::string, HostSettings, std::less<>>;

}  // namespace nodeproof::registry
