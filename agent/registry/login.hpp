// What a registry wants to see per repository, learned from its challenges.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "agent/registry/answer.hpp"
#include "agent/registry/challenge.hpp"
#include "agent/registry/hosts.hpp"
#include "agent/registry/token.hpp"

namespace nodeproof::registry {

// A request that was answered with 401.
struct Rejection {
  const Reference& reference;
  const Answer& answer;
  const std::string& authorization;          // the header that was not enough; "" = there was none
  std::span<const std::string> scopes = {};  // what the request needs; none = to pull
};

// Thread-safe.
class Logins {
 public:
  // All outlive it.
  Logins(HttpClient& http, const Clock& clock, const Hosts& hosts)
      : tokens_(http, clock), hosts_(hosts) {}

  // The Authorization header for a request; "" while nothing was demanded.
  Result<std::string> authorization(const Reference& reference, const std::stop_token& stop,
                                    std::span<const std::string> scopes = {});

  // What to send instead, "" being nothing. No value: there is nothing more to try.
  Result<std::optional<std::string>> answer_challenge(const Rejection& rejection,
                                                      const std::stop_token& stop);

 private:
  struct Plan {
    std::string basic;                   // the whole header
    std::optional<TokenRequest> bearer;  // preferred
  };
  Result<TokenRequest> token_request(const Challenge& bearer, const Rejection& rejection) const;
  Result<std::string> follow(const Plan& plan, const std::string& rejected,
                             const std::stop_token& stop);

  TokenSource tokens_;
  const Hosts& hosts_;
  std::mutex mutex_;
  std::map<std::string, Plan, std::less<>> plans_;  // by repository and scopes
};

}  // namespace nodeproof::registry
