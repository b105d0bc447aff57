// One place where credentials may be written, or a program that knows them.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "agent/registry/keychain.hpp"

namespace nodeproof::registry {

// Thread-safe.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // Nothing = it has no entry for this place. An error names the source, never a secret.
  virtual Result<std::optional<Credentials>> find(const Place& place,
                                                  const std::stop_token& stop) = 0;
  // For people: which file or program would be asked; "" = none here. Starts no program.
  virtual Result<std::string> describe(const Place& place) = 0;
};

}  // namespace nodeproof::registry
