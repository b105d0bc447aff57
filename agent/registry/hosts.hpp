// Where registries are and how they are spoken to.
#pragma once

#include <utility>

#include "agent/registry/settings.hpp"
#include "common/http_url.hpp"
#include "common/reference.hpp"

namespace nodeproof::registry {

class Hosts {
 public:
  explicit Hosts(Settings settings) : settings_(std::move(settings)) {}

  [[nodiscard]] HostSettings settings_of(const Reference& reference) const;

  // docker.io is registry-1.docker.io; loopback hosts speak plain HTTP unless told otherwise.
  [[nodiscard]] Result<HttpUrl> endpoint(const Reference& reference) const;

  // For a URL that the reference's registry sent us to. Another host has settings of its own; the
  // registry's CA and client certificate are for its own host only, on whatever port.
  [[nodiscard]] TlsSettings tls_for(const HttpUrl& url, const Reference& reference) const;

 private:
  const Settings settings_;
};

}  // namespace nodeproof::registry
