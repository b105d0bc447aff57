#include "agent/registry/pod_logins.hpp"

namespace nodeproof::registry {

Result<std::optional<Credentials>> PodSource::find(const Place& place, const std::stop_token&) {
  const auto found = logins_.find(place);
  if (found == logins_.end()) return std::optional<Credentials>();
  for (const PodLogin& login : found->second) {
    const WrittenLogin* written = login.config.login_for(place);
    if (written == nullptr) continue;
    return std::optional(TRY(credentials_of(*written, login.source)));
  }
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

}  // namespace nodeproof::registry
