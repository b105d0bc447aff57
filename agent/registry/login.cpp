#include "agent/registry/login.hpp"

#include <algorithm>

#include "agent/registry/contact.hpp"

namespace nodeproof::registry {

namespace {

constexpr std::string_view kBearer = "Bearer ";
constexpr std::size_t kMaxScopeBytes = 1024;

std::vector<Challenge> challenges_of(const HttpResponse& head) {
  std::vector<Challenge> all;
  for (const auto& header : head.header_values("www-authenticate")) {
    for (auto& challenge : parse_challenges(header)) all.push_back(std::move(challenge));
  }
  return all;
}

const Challenge* find_scheme(const std::vector<Challenge>& challenges, std::string_view scheme) {
  const auto found = std::find_if(challenges.begin(), challenges.end(), [&](const auto& challenge) {
    return challenge.scheme == scheme;
  });
  return found == challenges.end() ? nullptr : &*found;
}

std::string parameter(const Challenge& challenge, const std::string& name) {
  const auto found = challenge.parameters.find(name);
  return found == challenge.parameters.end() ? "" : found->second;
}

// The scope just demanded comes first, for some servers read only one.
std::vector<std::string> scopes_of(const Challenge& challenge, const Reference& reference) {
  const std::string own = "repository:" + reference.path() + ":pull";
  const std::string demanded = parameter(challenge, "scope");
  if (demanded.empty() || demanded == own || demanded.size() > kMaxScopeBytes) return {own};
  return {demanded, own};
}

}  // namespace

Result<std::string> Logins::follow(const Plan& plan, const std::string& rejected,
                                   const std::stop_token& stop) {
  if (!plan.bearer) return plan.basic;
  const std::string_view old = rejected;
  const std::string token = TRY(tokens_.token(
      *plan.bearer, old.starts_with(kBearer) ? old.substr(kBearer.size()) : "", stop));
  return std::string(kBearer) + token;
}

Result<std::string> Logins::authorization(const Reference& reference, const std::stop_token& stop) {
  Plan plan;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = plans_.find(reference.repository());
    if (found == plans_.end()) return "";
    plan = found->second;
  }
  return follow(plan, "", stop);
}

Result<TokenRequest> Logins::token_request(const Challenge& bearer,
                                           const Rejection& rejection) const {
  HttpUrl realm = TRY(next_url(rejection.answer.url, parameter(bearer, "realm"), Purpose::login));
  const HostSettings settings = hosts_.settings_of(rejection.reference);
  if (!realm.tls && !settings.username.empty() && realm.host != rejection.answer.url.host) {
    return fail(Errc::untrusted,
                "the registry sends logins to " + realm.authority() + " without TLS",
                "no password leaves this node that way: serve the registry's realm over https");
  }
  TlsSettings tls = hosts_.tls_for(realm, rejection.reference);
  return TokenRequest{std::move(realm),
                      parameter(bearer, "service"),
                      scopes_of(bearer, rejection.reference),
                      settings.username,
                      settings.password,
                      std::move(tls),
                      sender_of(rejection.answer)};
}

Result<std::optional<std::string>> Logins::answer_challenge(const Rejection& rejection,
                                                            const std::stop_token& stop) {
  const auto challenges = challenges_of(rejection.answer.head);
  const HostSettings settings = hosts_.settings_of(rejection.reference);
  Plan plan;
  if (const Challenge* bearer = find_scheme(challenges, "bearer")) {
    plan.bearer = TRY(token_request(*bearer, rejection));
  } else if (rejection.authorization.starts_with(kBearer)) {
    // Harbor answers a token it does not like with Basic; without any it says Bearer again.
    return std::optional<std::string>("");
  } else if (find_scheme(challenges, "basic") != nullptr && !settings.username.empty()) {
    plan.basic = basic_authorization(settings.username, settings.password);
  } else {
    return std::optional<std::string>();
  }
  {
    const std::scoped_lock lock(mutex_);
    plans_.insert_or_assign(rejection.reference.repository(), plan);
  }
  return std::optional<std::string>(TRY(follow(plan, rejection.authorization, stop)));
}

}  // namespace nodeproof::registry
