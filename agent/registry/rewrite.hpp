// k3s' and RKE2's rewrites: another path for a repository at a mirror.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/error.hpp"

namespace nodeproof::registry {

using Rewrites = std::vector<std::pair<std::string, std::string>>;  // expression, replacement

// Errc::invalid_document for what k3s would pass over.
Result<> check_rewrite(const std::string& expression, const std::string& replacement);

// By the first that changes it.
Result<std::string> rewritten(std::string path, const Rewrites& rewrites);

}  // namespace nodeproof::registry
