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

// "repository:a/b:push,pull" -> "repository:a/b:pull,push"
std::string with_sorted_actions(std::string_view scope) {
  const std::size_t actions = scope.rfind(':') + 1;  // 0: it has none
  std::vector<std::string> sorted;
  for (const auto part : std::views::split(scope.substr(actions), ',')) {
    sorted.emplace_back(part.begin(), part.end());
  }
  std::ranges::sort(sorted);
  std::string out(scope.substr(0, actions));
  for (std::size_t i = 0; i < sorted.size(); ++i) out += (i == 0 ? "" : ",") + sorted[i];
  return out;
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
      add(with_sorted_actions(std::string_view(part.begin(), part.end())));
    }
    // A registry that lists them or their actions now so, now so, means the same token.
    std::ranges::sort(scopes);
  }
  for (const auto& wanted : rejection.scopes) add(wanted);
  if (rejection.scopes.empty()) add("repository:" + rejection.host.repository + ":pull");
  return scopes;
}

std::string plan_key(const Host& host, std::span<const std::string> scopes) {
  std::string key = host.api.host_port() + "\n" + host.name + "\n" + host.repository;
  for (const auto& scope : scopes) key += "\n" + scope;
  return key;
}

}  // namespace

Result<Authorization> Logins::follow(const Plan& plan, const std::string& rejected,
                                     const std::stop_token& stop) {
  if (!plan.bearer) return Authorization{plan.header, plan.source};
  const std::string_view old = rejected;
  const std::string token = TRY(tokens_.token(
      *plan.bearer, old.starts_with(kBearer) ? old.substr(kBearer.size()) : "", stop));
  return Authorization{std::string(kBearer) + token, plan.source};
}

Result<Authorization> Logins::authorization(const Host& host, const std::stop_token& stop,
                                            std::span<const std::string> scopes) {
  Plan plan;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = plans_.find(plan_key(host, scopes));
    if (found == plans_.end()) return Authorization{};
    plan = found->second;
  }
  return follow(plan, "", stop);
}

Result<TokenRequest> Logins::token_request(const Challenge& bearer, const Rejection& rejection,
                                           const Credentials& login) const {
  HttpUrl realm = TRY(next_url(rejection.answer.url, parameter(bearer, "realm"), Purpose::login));
  if (!realm.tls && !login.anonymous() && realm.host != rejection.answer.url.host) {
    return fail(Errc::untrusted,
                "the registry sends logins to " + realm.authority() + " without TLS",
                "no password leaves this node that way: serve the registry's realm over https");
  }
  TlsSettings tls = routes_.tls_for(realm, rejection.host);
  return TokenRequest{.realm = std::move(realm),
                      .service = parameter(bearer, "service"),
                      .scopes = scopes_of(bearer, rejection),
                      .username = login.username,
                      .password = login.password,
                      .tls = std::move(tls),
                      .led_by = sender_of(rejection.answer),
                      .identity_token = login.identity_token,
                      .proxy = rejection.host.proxy,
                      .source = login.owner()};
}

Result<std::optional<Logins::Plan>> Logins::plan_for(const Rejection& rejection,
                                                     const std::stop_token& stop) {
  const auto challenges = challenges_of(rejection.answer.head);
  const Challenge* bearer = find_scheme(challenges, "bearer");
  // Harbor answers a token it does not like with Basic; without any it says Bearer again.
  if (bearer == nullptr && rejection.sent.header.starts_with(kBearer)) return Plan{};
  if (bearer == nullptr && find_scheme(challenges, "basic") == nullptr) return std::nullopt;
  const Credentials login = TRY(keychain_.find(rejection.host.place(), stop));
  const bool personal = !login.anonymous() && !login.node_wide;
  if (bearer == nullptr) {
    if (login.username.empty()) return std::nullopt;
    return Plan{basic_authorization(login.username, login.password), {}, login.owner(), personal};
  }
  if (!login.registry_token.empty()) {
    return Plan{std::string(kBearer) + login.registry_token, {}, login.owner(), personal};
  }
  return Plan{"", TRY(token_request(*bearer, rejection, login)), login.owner(), personal};
}

std::string Logins::personal_source(const Host& host) const {
  const std::scoped_lock lock(mutex_);
  const auto found = plans_.find(plan_key(host, {}));
  return found == plans_.end() || !found->second.personal ? "" : found->second.source;
}

Result<std::optional<Authorization>> Logins::answer_challenge(const Rejection& rejection,
                                                              const std::stop_token& stop) {
  const auto plan = TRY(plan_for(rejection, stop));
  if (!plan) return std::nullopt;
  const bool once_more = plan->header.empty() && !plan->bearer;
  if (!once_more) {
    const std::scoped_lock lock(mutex_);
    plans_.insert_or_assign(plan_key(rejection.host, rejection.scopes), *plan);
  }
  return TRY(follow(*plan, rejection.sent.header, stop));
}

}  // namespace nodeproof::registry
