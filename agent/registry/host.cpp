#include "agent/registry/host.hpp"

#include "common/words.hpp"

namespace nodeproof::registry {

HttpUrl Host::url(std::string_view path) const {
  HttpUrl url = api;
  if (url.target == "/") url.target.clear();
  url.target += "/" + repository + std::string(path);
  if (stands_for.empty()) return url;
  url.target += url.target.find('?') == std::string::npos ? "?ns=" : "&ns=";
  url.target += percent_encode(stands_for);
  return url;
}

std::string shown_url(std::string_view written) {
  const auto at = written.rfind('@');
  return excerpt(at == std::string_view::npos ? written : written.substr(at + 1), 128);
}

}  // namespace nodeproof::registry
