// What reading and writing share: one patience per host, one login per repository, one way there.
#pragma once

#include <map>
#include <string>

#include "agent/registry/login.hpp"
#include "agent/registry/patient_http.hpp"
#include "agent/registry/routes.hpp"

namespace nodeproof::registry {

// Thread-safe.
class Access {
 public:
  struct Outside {  // all outlive it
    HttpClient& http;
    const Clock& clock;
    Keychain& keychain;
  };
  Access(const Outside& outside, Settings settings, RouteFiles files = {},
         const RetryPolicy& patience = {})
      : routes_(std::move(settings), std::move(files)),
        http_(outside.http, outside.clock, patience),
        logins_(http_, outside.clock, outside.keychain, routes_) {}
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;
  ~Access() = default;

  [[nodiscard]] const Routes& routes() const { return routes_; }
  [[nodiscard]] PatientHttp& http() { return http_; }
  [[nodiscard]] Logins& logins() { return logins_; }

 private:
  const Routes routes_;
  PatientHttp http_;
  Logins logins_;
};

}  // namespace nodeproof::registry
