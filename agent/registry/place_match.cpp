#include "agent/registry/place_match.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace nodeproof::registry {

namespace {

struct Parts {
  std::string_view host, port, path;  // the path with its leading '/'
};

Parts parts_of(std::string_view text) {
  Parts parts;
  const auto slash = std::min(text.find('/'), text.size());
  parts.path = text.substr(slash);
  parts.host = text.substr(0, slash);
  // An IPv6 address has colons of its own, and brackets around them.
  const auto colon = parts.host.rfind(':');
  if (colon != std::string_view::npos && parts.host.find(']', colon) == std::string_view::npos) {
    parts.port = parts.host.substr(colon + 1);
    parts.host = parts.host.substr(0, colon);
  }
  return parts;
}

// "*" and "?" within one label.
bool glob_matches(std::string_view glob, std::string_view text) {
  std::size_t at = 0, in = 0, star = std::string_view::npos, resume = 0;
  while (in < text.size()) {
    if (at < glob.size() && (glob[at] == '?' || (glob[at] == text[in] && glob[at] != '*'))) {
      ++at;
      ++in;
    } else if (at < glob.size() && glob[at] == '*') {
      star = at++;
      resume = in;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      in = ++resume;
    } else {
      return false;
    }
  }
  return glob.find_first_not_of('*', at) == std::string_view::npos;
}

std::pair<std::string_view, bool> next_label(std::string_view& rest) {
  const auto dot = rest.find('.');
  const auto label = rest.substr(0, dot);
  const bool more = dot != std::string_view::npos;
  rest.remove_prefix(more ? dot + 1 : rest.size());
  return {label, more};
}

bool hosts_match(std::string_view globs, std::string_view host) {
  for (;;) {
    const auto [glob, more_globs] = next_label(globs);
    const auto [label, more_labels] = next_label(host);
    if (more_globs != more_labels || !glob_matches(glob, label)) return false;
    if (!more_globs) return true;
  }
}

std::string image_of(const Place& place) { return place.host + "/" + place.repository; }

}  // namespace

bool kubelet_matches(std::string_view pattern, const Place& place) {
  const std::string image = image_of(place);
  const Parts want = parts_of(pattern);
  const Parts have = parts_of(image);
  return want.port == have.port && hosts_match(want.host, have.host) &&
         have.path.starts_with(want.path);
}

std::string plain_key(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  }
  const auto slash = std::min(key.find('/'), key.size());
  std::string host(key.substr(0, slash));
  std::ranges::transform(host, host.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  constexpr std::array<std::string_view, 2> kHub{"index.docker.io", "registry-1.docker.io"};
  if (std::ranges::find(kHub, host) != kHub.end()) host = "docker.io";
  std::string path(key.substr(slash));
  if (path == "/v1" || path == "/v2" || path.starts_with("/v1/") || path.starts_with("/v2/")) {
    path.erase(0, 3);
  }
  while (path.ends_with('/')) path.pop_back();
  return host + path;
}

unsigned fitness(std::string_view plain, const Place& place) {
  const std::string image = image_of(place);
  const Parts want = parts_of(plain);
  const Parts have = parts_of(image);
  const bool path_fits = have.path.starts_with(want.path) &&
                         (want.path.empty() || have.path.size() == want.path.size() ||
                          have.path[want.path.size()] == '/');
  if (want.port != have.port || !path_fits || !hosts_match(want.host, have.host)) return 0;
  return 2 * static_cast<unsigned>(want.path.size()) + (want.host == have.host ? 2 : 1);
}

}  // namespace nodeproof::registry
