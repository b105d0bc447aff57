#include "agent/registry/hosts.hpp"

namespace nodeproof::registry {

HostSettings Hosts::settings_of(const Reference& reference) const {
  const auto found = settings_.find(reference.domain());
  return found == settings_.end() ? HostSettings{} : found->second;
}

Result<HttpUrl> Hosts::endpoint(const Reference& reference) const {
  const HostSettings settings = settings_of(reference);
  const std::string host =
      reference.domain() == "docker.io" ? "registry-1.docker.io" : reference.domain();
  auto secure = parse_http_url("https://" + host);
  if (!secure) {
    return fail(Errc::invalid_reference, "'" + reference.domain() + "' is no usable host",
                "give the host as a name, an IPv4 address or [IPv6 address]");
  }
  const bool loopback = kind_of_host(secure->host) == HostKind::loopback;
  if (!settings.plain_http.value_or(loopback && settings.tls.ca_file.empty())) return secure;
  return parse_http_url("http://" + host);
}

TlsSettings Hosts::tls_for(const HttpUrl& url, const Reference& reference) const {
  const auto registry = endpoint(reference);
  if (registry && registry->same_origin(url)) return settings_of(reference).tls;
  const auto own = settings_.find(url.authority());
  if (own != settings_.end()) return own->second.tls;
  if (registry && registry->host == url.host) return settings_of(reference).tls;
  return {};
}

}  // namespace nodeproof::registry
