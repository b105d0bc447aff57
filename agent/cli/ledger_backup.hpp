// What a node has proven last, as a backup of its tag.
#pragma once

#include <filesystem>
#include <stop_token>

#include "agent/index/backup.hpp"
#include "agent/registry/registry.hpp"

namespace nodeproof::cli {

// The document that the ledger's record names: the bytes that the node kept, else those that the
// registry still has under their digest. Errc::usage when the ledger is not there or knows no such
// tag, permission_denied when it cannot be read, not_found when the bytes are nowhere.
Result<index::Backup> backup_from_ledger(const std::filesystem::path& ledger, const Reference& tag,
                                         Registry& registry, const std::stop_token& stop);

}  // namespace nodeproof::cli
