#include "agent/registry/written_login.hpp"

#include <algorithm>

#include "common/crypto.hpp"

namespace nodeproof::registry {

namespace {

// Docker pads short passwords with NULs.
std::string without_padding(std::string_view text) {
  const auto first = std::min(text.find_first_not_of('\0'), text.size());
  const auto last = text.find_last_not_of('\0');
  return last == std::string_view::npos ? "" : std::string(text.substr(first, last + 1 - first));
}

}  // namespace

Result<Credentials> credentials_of(const WrittenLogin& login, const std::string& source) {
  const std::string remedy = "mend the entry in " + source + ", or log in again";
  Credentials found;
  found.source = source;
  if (!login.registry_token.empty()) {
    found.registry_token = login.registry_token;
  } else if (!login.identity_token.empty()) {
    found.identity_token = login.identity_token;
  } else if (!login.auth.empty()) {
    const auto pair = base64_decode(login.auth);
    if (!pair) return fail(Errc::invalid_config, source + ": \"auth\" is not base64", remedy);
    const auto colon = pair->find(':');
    if (colon == std::string::npos) {
      return fail(Errc::invalid_config, source + R"(: "auth" does not hold "user:password")",
                  remedy);
    }
    found.username = pair->substr(0, colon);
    found.password = without_padding(std::string_view(*pair).substr(colon + 1));
  } else {
    found.username = login.username;
    found.password = login.password;
  }
  return found;
}

}  // namespace nodeproof::registry
