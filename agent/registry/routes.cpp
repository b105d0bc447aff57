#include "agent/registry/routes.hpp"

#include <algorithm>

#include "agent/registry/hosts_toml.hpp"
#include "agent/registry/k3s_registries.hpp"
#include "agent/registry/rewrite.hpp"
#include "common/file.hpp"
#include "common/words.hpp"

namespace nodeproof::registry {

namespace {

constexpr const char* kHub = "docker.io";
constexpr const char* kHubHost = "registry-1.docker.io";

// The name under which a host's credentials and settings stand.
std::string name_of(const HttpUrl& api) {
  const std::string authority = api.authority();
  return authority == kHubHost ? kHub : authority;
}

// "https://cache.lan:5000", "cache.lan/v2/hub": k3s' own rule takes a path other than /v2 as it is.
Result<HttpUrl> endpoint_url(const std::string& written) {
  std::string text = written;
  if (text.find("://") == std::string::npos) {
    const auto host = text.substr(0, text.find('/'));
    const auto url = parse_http_url("https://" + host);
    const bool local = url && kind_of_host(url->host) == HostKind::loopback && url->port != 443;
    text.insert(0, local ? "http://" : "https://");
  }
  HttpUrl url = TRY(parse_http_url(text));
  url.target = url.target.substr(0, url.target.find('?'));
  while (url.target.ends_with('/')) url.target.pop_back();
  if (url.target.empty()) url.target = "/v2";
  return url;
}

TlsSettings tls_of(const K3sRegistries& file, const std::string& name) {
  const auto found = file.configs.find(name);
  if (found == file.configs.end() || !found->second.tls) return {};
  const K3sTls& written = *found->second.tls;
  TlsSettings tls;
  if (!written.ca_file.empty()) tls.more_ca_files.push_back(written.ca_file);
  tls.client_certificate = written.cert_file;
  tls.client_key = written.key_file;
  tls.verify = !written.insecure_skip_verify;
  return tls;
}

bool says_how_to_speak(const HostSettings& settings) {
  return settings.plain_http || settings.tls != TlsSettings{};
}

bool is_registry(const Host& host, const Host& own) {
  return host.api.authority() == own.api.authority() || host.api.authority() == own.name;
}

Stop stop_of(const WrittenHost& from, const Host& own) {
  Stop stop{.host = own, .resolve = from.resolve, .pull = from.pull, .rewrites = from.rewrites};
  if (from.api) {
    stop.host.api = *from.api;
    stop.host.name = name_of(*from.api);
  }
  stop.host.tls = from.tls;
  stop.host.headers = from.headers;
  if (from.dial_timeout) stop.host.connect_timeout = *from.dial_timeout;
  return stop;
}

const K3sMirror* mirror_for(const K3sRegistries& file, const std::string& domain) {
  auto found = file.mirrors.find(domain);
  if (found == file.mirrors.end()) found = file.mirrors.find("*");
  return found == file.mirrors.end() ? nullptr : &found->second;
}

Result<Stop> mirror_of(const std::string& written, const Reference& reference) {
  auto api = endpoint_url(written);
  if (!api) {
    return fail(Errc::invalid_config,
                "mirror '" + shown_url(written) + "' of " + reference.domain() + " is " +
                    api.error().message,
                "give it as https://HOST[:PORT][/PATH]");
  }
  if (!api->target.ends_with("/v2")) api->target += "/v2";
  Stop stop{.host = {.name = name_of(*api), .api = *api, .repository = {}, .stands_for = {}}};
  return stop;
}

}  // namespace

Routes::Routes(Settings settings, RouteFiles files)
    : settings_(std::move(settings)), files_(std::move(files)) {}

// docker.io is registry-1.docker.io; loopback hosts speak plain HTTP unless told otherwise.
Result<Host> Routes::own_host(const Reference& reference) const {
  const std::string& domain = reference.domain();
  const auto found = settings_.find(domain);
  const HostSettings settings = found == settings_.end() ? HostSettings{} : found->second;
  auto api = parse_http_url("https://" + (domain == kHub ? kHubHost : domain));
  if (!api) {
    return fail(Errc::invalid_reference, "'" + domain + "' is no usable host",
                "give the host as a name, an IPv4 address or [IPv6 address]");
  }
  const bool loopback = kind_of_host(api->host) == HostKind::loopback;
  if (settings.plain_http.value_or(loopback && settings.tls.ca_file.empty())) {
    api = parse_http_url("http://" + domain);
  }
  api->target = "/v2";
  return Host{.name = domain,
              .api = *std::move(api),
              .repository = {},
              .stands_for = {},
              .tls = settings.tls,
              .proxy = settings.proxy};
}

Result<std::vector<Stop>> Routes::k3s_stops(const Reference& reference, const Host& own) const {
  const std::string file = files_.k3s_registries.string();
  auto text = read_file(files_.k3s_registries);
  if (!text) {
    return fail(Errc::invalid_config, file + ": " + text.error().message,
                "make it readable, or set registry_sources.k3s_registries to \"none\"");
  }
  const K3sRegistries written = TRY(parse_k3s_registries(*text, file));
  std::vector<Stop> stops;
  const K3sMirror* mirror = mirror_for(written, reference.domain());
  const auto endpoints = mirror == nullptr ? std::vector<std::string>{} : mirror->endpoints;
  for (const auto& [expression, replacement] : mirror == nullptr ? Rewrites{} : mirror->rewrites) {
    const auto fine = check_rewrite(expression, replacement);
    if (fine) continue;
    return fail(Errc::invalid_config, file + ": " + fine.error().message,
                "mend it: k3s itself passes over it");
  }
  for (const std::string& endpoint : endpoints) {
    auto api = endpoint_url(endpoint);
    if (!api) {
      return fail(Errc::invalid_config,
                  file + ": endpoint '" + shown_url(endpoint) + "' is " + api.error().message,
                  "mend it: k3s itself passes over it");
    }
    // The default endpoint has the last word in any case, and no rewrites.
    if (api->same_origin(own.api) && api->target == "/v2") continue;
    Stop stop{.host = own, .rewrites = mirror->rewrites};
    stop.host.name = name_of(*api);
    stop.host.tls = tls_of(written, stop.host.name);
    stop.host.api = *std::move(api);
    stops.push_back(std::move(stop));
  }
  stops.push_back({.host = own});
  stops.back().host.tls = tls_of(written, reference.domain());
  return stops;
}

// None: the configuration names no mirrors.
Result<std::vector<Stop>> Routes::configured_stops(const Reference& reference,
                                                   const Host& own) const {
  std::vector<Stop> stops;
  const auto settings = settings_.find(reference.domain());
  if (settings == settings_.end() || settings->second.mirrors.empty()) return stops;
  for (const std::string& written : settings->second.mirrors) {
    stops.push_back(TRY(mirror_of(written, reference)));
  }
  const auto in_files = TRY(stops_in_files(reference, own));
  const auto itself =
      std::ranges::find_if(in_files, [&](const Stop& stop) { return is_registry(stop.host, own); });
  stops.push_back(itself == in_files.end() ? Stop{.host = own} : *itself);
  return stops;
}

// As the first source that speaks for the registry has it.
Result<std::vector<Stop>> Routes::written_stops(const Reference& reference, const Host& own) const {
  auto stops = TRY(configured_stops(reference, own));
  if (!stops.empty()) return stops;
  return stops_in_files(reference, own);
}

Result<std::vector<Stop>> Routes::stops_in_files(const Reference& reference,
                                                 const Host& own) const {
  std::vector<Stop> stops;
  if (const auto hosts = TRY(read_hosts(files_.hosts_directories, reference.domain()))) {
    for (const WrittenHost& host : *hosts) stops.push_back(stop_of(host, own));
    return stops;
  }
  if (!files_.k3s_registries.empty()) return k3s_stops(reference, own);
  stops.push_back({.host = own});
  return stops;
}

// Whose mirror it is, and what the configuration has for it: that beats the files.
void Routes::settle(Host& host, const Host& own) const {
  const bool itself = is_registry(host, own);
  if (itself) {
    host.name = own.name;
  } else {
    host.stands_for = own.name;
  }
  host.proxy.clear();  // the registry's is not its mirrors'
  const auto found = settings_.find(host.name);
  if (found == settings_.end()) return;
  host.proxy = found->second.proxy;
  if (!says_how_to_speak(found->second)) return;
  host.tls = found->second.tls;
  if (!itself) return;
  host.api.tls = own.api.tls;
  host.api.port = own.api.port;
}

Result<std::vector<Stop>> Routes::stops(const Reference& reference) const {
  const std::string& domain = reference.domain();
  const std::scoped_lock lock(mutex_);
  if (const auto known = known_.find(domain); known != known_.end()) return known->second;
  const Host own = TRY(own_host(reference));
  auto stops = TRY(written_stops(reference, own));
  for (Stop& stop : stops) settle(stop.host, own);
  known_.emplace(domain, stops);
  return stops;
}

Result<std::vector<Host>> Routes::to(const Reference& reference, Capability capability) const {
  std::vector<Host> hosts;
  for (Stop& stop : TRY(stops(reference))) {
    if (!(capability == Capability::resolve ? stop.resolve : stop.pull)) continue;
    auto path = rewritten(reference.path(), stop.rewrites);
    if (!path) return std::unexpected(std::move(path).error().with_context(stop.host.name));
    stop.host.repository = *std::move(path);
    hosts.push_back(std::move(stop.host));
  }
  if (hosts.empty()) {
    return fail(Errc::invalid_config,
                "no host may be asked for " + reference.name() + ": hosts.toml allows none",
                "give one of its hosts the capabilities resolve and pull");
  }
  return hosts;
}

Result<Host> Routes::registry(const Reference& reference) const {
  const auto known = TRY(stops(reference));
  // The first one that says how it is spoken to, as containerd would ask it.
  const auto itself = std::ranges::find_if(known, [](const Stop& stop) {
    return stop.host.stands_for.empty() && stop.resolve && stop.pull;
  });
  Host host = itself == known.end() ? TRY(own_host(reference)) : itself->host;
  host.repository = reference.path();
  return host;
}

TlsSettings Routes::tls_for(const HttpUrl& url, const Host& from) const {
  if (from.api.same_origin(url)) return from.tls;
  const auto own = settings_.find(url.authority());
  if (own != settings_.end()) return own->second.tls;
  if (from.api.host == url.host) return from.tls;
  return {};
}

}  // namespace nodeproof::registry
