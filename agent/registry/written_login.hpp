// Logins as docker, podman, CRI and k3s write them down.
#pragma once

#include <string>

#include "agent/registry/keychain.hpp"

namespace nodeproof::registry {

// Secrets; more than one kind may be given.
struct WrittenLogin {
  std::string username, password;
  std::string auth;            // base64 of "user:password"
  std::string identity_token;  // for POST (oauth2)
  std::string registry_token;  // is the Bearer token itself
  friend bool operator==(const WrittenLogin&, const WrittenLogin&) = default;
};

// The kind that counts: registry token, identity token, auth, then user and password, as docker
// has it. All empty = anonymous. An `auth` that cannot be read is Errc::invalid_config.
Result<Credentials> credentials_of(const WrittenLogin& login, const std::string& source);

}  // namespace nodeproof::registry
