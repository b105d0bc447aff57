#include "agent/registry/pod_logins.hpp"

namespace nodeproof::registry {

Result<std::optional<Credentials>> PodSource::find(const Place& place, const std::stop_token&) {
  const auto found = logins_.find(place);
  if (found == logins_.end()) return std::optional<Credentials>();
  std::optional<Error> wrong;
  for (const PodLogin& login : found->second) {
    const WrittenLogin* written = login.config.login_for(place);
    if (written == nullptr) continue;
    auto credentials = credentials_of(*written, login.source);
    if (credentials && !credentials->anonymous()) return std::optional(*std::move(credentials));
    if (!credentials && !wrong) wrong = std::move(credentials).error();
  }
  if (wrong) return std::unexpected(*std::move(wrong));
  return std::optional<Credentials>();
}

Result<std::string> PodSource::describe(const Place& place) {
  const auto found = logins_.find(place);
  if (found == logins_.end()) return std::string();
  for (const PodLogin& login : found->second) {
    if (login.config.login_for(place) != nullptr) return login.source;
  }
  return std::string();
}

PodLogins pod_logins_of(const PodLogins& all, bool behind_the_nodes) {
  PodLogins some;
  for (const auto& [place, logins] : all) {
    for (const PodLogin& login : logins) {
      if (login.behind_the_nodes == behind_the_nodes) some[place].push_back(login);
    }
  }
  return some;
}

}  // namespace nodeproof::registry
