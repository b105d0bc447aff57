// One stop on the way to a repository: who is asked, and how.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/registry/keychain.hpp"
#include "common/http.hpp"
#include "common/http_url.hpp"

namespace nodeproof::registry {

struct Host {
  std::string name;        // host[:port] as in references: whose credentials count
  HttpUrl api;             // its origin; the target is the root of the API, "/v2"
  std::string repository;  // its path there: "library/debian"
  std::string stands_for;  // whose mirror it is, said as ns=; "" = it is the registry itself
  TlsSettings tls = {};
  std::vector<std::pair<std::string, std::string>> headers = {};  // for its origin; maybe secret
  std::string proxy = {};                                         // HttpRequest::proxy
  std::chrono::milliseconds connect_timeout = HttpRequest{}.connect_timeout;

  [[nodiscard]] Place place() const { return {name, repository}; }
  // path: "/manifests/latest", below the repository.
  [[nodiscard]] HttpUrl url(std::string_view path) const;
  friend bool operator==(const Host&, const Host&) = default;
};

// A URL that somebody wrote, for messages: without its login.
[[nodiscard]] std::string shown_url(std::string_view written);

}  // namespace nodeproof::registry
