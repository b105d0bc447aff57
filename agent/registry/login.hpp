// What a registry wants to see per repository, learned from its challenges.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "agent/registry/answer.hpp"
#include "agent/registry/challenge.hpp"
#include "agent/registry/keychain.hpp"
#include "agent/registry/routes.hpp"
#include "agent/registry/token.hpp"

namespace nodeproof::registry {

struct Authorization {
  std::string header;  // "" = none is sent
  std::string source;  // where the credentials in it come from; "" = it is nobody's
  friend bool operator==(const Authorization&, const Authorization&) = default;
};

// A request that was answered with 401.
struct Rejection {
  const Host& host;
  const Answer& answer;
  const Authorization& sent;
  std::span<const std::string> scopes = {};  // what the request needs; none = to pull
};

// Thread-safe.
class Logins {
 public:
  // All outlive it.
  // NOLINTNEXTLINE(readability-function-size): wiring
  Logins(HttpClient& http, const Clock& clock, Keychain& keychain, const Routes& routes)
      : tokens_(http, clock), keychain_(keychain), routes_(routes) {}

  // For a request that nobody has refused yet; none while nothing was demanded.
  Result<Authorization> authorization(const Host& host, const std::stop_token& stop,
                                      std::span<const std::string> scopes = {});

  // What to send instead. No value: there is nothing more to try. An error: the keychain's, or the
  // token service's.
  Result<std::optional<Authorization>> answer_challenge(const Rejection& rejection,
                                                        const std::stop_token& stop);

  // Where the credentials come from that pulls from there were sent with and that not every pod on
  // this node may use; "" = there were none.
  [[nodiscard]] std::string personal_source(const Host& host) const;

 private:
  struct Plan {
    std::string header;                  // the whole header, unless there is a token service
    std::optional<TokenRequest> bearer;  // preferred
    std::string source;                  // Authorization::source
    bool personal = false;               // its credentials are not node-wide
  };
  Result<TokenRequest> token_request(const Challenge& bearer, const Rejection& rejection,
                                     const Credentials& login) const;
  Result<std::optional<Plan>> plan_for(const Rejection& rejection, const std::stop_token& stop);
  Result<Authorization> follow(const Plan& plan, const std::string& rejected,
                               const std::stop_token& stop);

  TokenSource tokens_;
  Keychain& keychain_;
  const Routes& routes_;
  mutable std::mutex mutex_;
  std::map<std::string, Plan, std::less<>> plans_;  // by host, repository and scopes
};

}  // namespace nodeproof::registry
