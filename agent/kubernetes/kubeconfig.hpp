// A kubeconfig (v1 Config) in YAML or JSON: its current context's cluster and user.
#pragma once

#include <filesystem>

#include "agent/kubernetes/credentials.hpp"

namespace nodeproof::kubernetes {

// Of what else a user may be, exec and auth-provider are refused: nodeproof starts no programs for
// a credential of its own.
Result<Credentials> read_kubeconfig(const std::filesystem::path& file, const Surroundings& around);

// A bearer token as it stands in a file: one line without spaces; Errc::invalid_config else.
Result<std::string> read_token(const std::filesystem::path& file);

}  // namespace nodeproof::kubernetes
