// Reports and keys that are given as files.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "agent/model.hpp"
#include "common/crypto_keys.hpp"
#include "common/error.hpp"

namespace nodeproof::cli {

// A NodeReport document; "-" = standard input. Whatever is wrong with it is a usage error that
// names the file. With keys only what one of them has signed is known, see believe_attested();
// `attested`: whether one has.
Result<NodeReport> read_report(const std::string& path, std::span<const PublicKey> keys = {},
                               bool* attested = nullptr);

// Refused when others than its owner may read it, or its owner is neither root nor this user.
// `option`: what named it.
Result<PrivateKey> read_private_key(const std::filesystem::path& path,
                                    const std::string& option = "--key");
Result<PublicKey> read_public_key(const std::filesystem::path& path);

}  // namespace nodeproof::cli
