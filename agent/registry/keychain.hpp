// Who logs in where: all that the client wants to know about credentials.
#pragma once

#include <stop_token>
#include <string>

#include "common/error.hpp"

namespace nodeproof::registry {

// At most one kind is set; none = anonymous.
struct Credentials {
  std::string username, password;
  std::string identity_token;  // exchanged for an access token by POST (oauth2)
  std::string registry_token;  // is the Bearer token itself
  std::string source;          // where they come from, for people; never a secret
  bool node_wide = false;      // the kubelet or containerd gives them to every pod's pull
  [[nodiscard]] bool anonymous() const {
    return username.empty() && identity_token.empty() && registry_token.empty();
  }
  // "" = nobody's.
  [[nodiscard]] std::string owner() const {
    if (anonymous()) return "";
    return source.empty() ? "the configuration" : source;
  }
  friend bool operator==(const Credentials&, const Credentials&) = default;
};

// A mirror is a place of its own: what is known for the registry behind it is not for it.
struct Place {
  std::string host;        // host[:port] as in references: "docker.io", "registry.lan:5000"
  std::string repository;  // "library/debian"
  friend auto operator<=>(const Place&, const Place&) = default;
};

// Thread-safe.
class Keychain {
 public:
  virtual ~Keychain() = default;
  // Asked when a registry demands a login, not before, for it may start a helper program. An error
  // when a source that has an entry for this place cannot give it: anonymous would be a guess then.
  virtual Result<Credentials> find(const Place& place, const std::stop_token& stop) = 0;
};

}  // namespace nodeproof::registry
