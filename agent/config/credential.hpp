// Secrets that the service manager hands over (systemd: LoadCredential=, LoadCredentialEncrypted=):
// "credential:NAME" instead of a path.
#pragma once

#include <string>
#include <string_view>

#include "agent/config/config.hpp"
#include "agent/config/entry.hpp"

namespace nodeproof::config {

inline constexpr std::string_view kCredentialScheme = "credential:";

// Where they are: CREDENTIALS_DIRECTORY, else the folder of the service, which root may read while
// it runs.
[[nodiscard]] std::string credentials_directory();

// The file of "credential:NAME"; nothing is read. NAME is the name of a file.
Result<std::string> credential_file(std::string_view given);

// A path, or "credential:NAME".
template <auto Member>
Result<> secret(const Entry& entry, detail::Owner<Member>& into) {
  const std::string given = TRY(entry.text());
  if (!given.starts_with(kCredentialScheme)) return path<Member>(entry, into);
  auto file = credential_file(given);
  if (!file) return entry.error(file.error().message);
  into.*Member = *std::move(file);
  return {};
}

// invalid_config when the file is a credential's, and nobody has handed that over.
Result<> check_credential(const std::string& whose, std::string_view key, const std::string& file);

// invalid_config names the registry's first credential that nobody has handed over.
Result<> check_credentials(const std::string& host, const Registry& registry);

}  // namespace nodeproof::config
