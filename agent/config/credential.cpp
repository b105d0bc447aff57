#include "agent/config/credential.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace nodeproof::config {
namespace {

constexpr const char* kOfTheService = "/run/credentials/nodeproof.service";
constexpr std::size_t kLongestName = 255;

// As systemd takes them, without what a shell or a unit file would make something else of.
bool is_name(std::string_view name) {
  const auto usual = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kLongestName && name != "." && name != ".." &&
         std::ranges::all_of(name, usual);
}

}  // namespace

std::string credentials_directory() {
  const char* given = std::getenv("CREDENTIALS_DIRECTORY");
  return given == nullptr || *given == '\0' ? kOfTheService : given;
}

Result<std::string> credential_file(std::string_view given) {
  const std::string_view name = given.substr(std::min(given.size(), kCredentialScheme.size()));
  if (!is_name(name)) {
    return fail(Errc::invalid_config,
                "a credential is named as in LoadCredential=, with letters, digits, \".\", \"_\" "
                "and \"-\": \"credential:registry-password\"");
  }
  return credentials_directory() + "/" + std::string(name);
}

Result<> check_credential(const std::string& whose, std::string_view key, const std::string& file) {
  const std::string folder = credentials_directory() + "/";
  if (!file.starts_with(folder) || ::access(file.c_str(), R_OK) == 0) return {};
  const std::string name = file.substr(folder.size());
  return fail(Errc::invalid_config,
              whose + ": " + std::string(key) + ": there is no credential " + name + " in " +
                  credentials_directory(),
              "hand it over in a drop-in of nodeproof.service: LoadCredential=" + name +
                  ":/path/to/the/file, then systemctl daemon-reload and restart nodeproof");
}

Result<> check_credentials(const std::string& host, const Registry& registry) {
  const std::string whose = "registry " + host;
  TRY(check_credential(whose, "ca", registry.ca));
  TRY(check_credential(whose, "client_certificate", registry.client_certificate));
  TRY(check_credential(whose, "client_key", registry.client_key));
  return check_credential(whose, "password_file", registry.password_file);
}

}  // namespace nodeproof::config
