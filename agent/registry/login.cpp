#include "agent/registry/login.hpp"

#include <algorithm>
#include <ranges>

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

// The scopes just demanded come first, for some servers read only one.
std::vector<std::string> scopes_of(const Challenge& challenge, const Rejection& rejection) {
  std::vector<std::string> scopes;
  const auto add = [&](std::string scope) {
    if (!scope.empty() && std::ranges::find(scopes, scope) == scopes.end()) {
      scopes.push_back(std::move(scope));
    }
  };
  const std::string demanded = parameter(challenge, "scope");
  if (demanded.size() <= kMaxScopeBytes) {
    for (const auto part : std::views::split(demanded, ' ')) {
      add(std::string(part.begin(), part.end()));
    }
  }
  for (const auto& wanted : rejection.scopes) add(wanted);
  if (rejection.scopes.empty()) add("repository:" + rejection.reference.path() + ":pull");
  return scopes;
}

std::string plan_key(const Reference& reference, std::span<const std::string> scopes) {
  std::string key = reference.repository();
  for (const auto& scope : scopes) key += "\n" + scope;
  return key;
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

Result<std::string> Logins::authorization(const Reference& reference, const std::stop_token& stop,
                                          std::span<const std::string> scopes) {
  Plan plan;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = plans_.find(plan_key(reference, scopes));
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
                      scopes_of(bearer, rejection),
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
    plans_.insert_or_assign(plan_key(rejection.reference, rejection.scopes), plan);
  }
  return std::optional<std::string>(TRY(follow(plan, rejection.authorization, stop)));
}

}  // namespace nodeproof::registry
