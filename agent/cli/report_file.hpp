// Reports and keys that are given as files.
#pragma once

#include <filesystem>
#include <string>

#include "agent/model.hpp"
#include "common/crypto_keys.hpp"
#include "common/error.hpp"

namespace nodeproof::cli {

// A NodeReport document; "-" = standard input. Whatever is wrong with it is a usage error that
// names the file.
Result<NodeReport> read_report(const std::string& path);

// Refused when others than its owner may read it, or its owner is neither root nor this user.
Result<PrivateKey> read_private_key(const std::filesystem::path& path);
Result<PublicKey> read_public_key(const std::filesystem::path& path);

}  // namespace nodeproof::cli
