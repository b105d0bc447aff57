// What a tag can be rebuilt from: the index byte for byte, with the digest of each platform.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "agent/index/change_report.hpp"
#include "agent/index/tag_state.hpp"

namespace nodeproof::index {

// The same tag gives the same file: it holds no time.
struct Backup {
  std::string reference;                         // "registry/repository:tag"
  FetchedManifest document;                      // an index, or a single manifest
  std::map<std::string, std::string> platforms;  // by manifest digest, attestations left out
};

[[nodiscard]] std::string to_json(const Backup& backup);
// Errors: unsupported (another version), invalid_document, digest_mismatch (the file was changed).
Result<Backup> parse_backup(std::string_view text);
Result<Backup> read_backup(const std::filesystem::path& file);

struct BackupRequest {
  Reference image;
  std::filesystem::path file;  // replaced atomically
  bool helper_tags = false;    // TAG-linux-arm64 for each platform and its attestations
  bool dry_run = false;
  ValidateOptions validation;
};

// Refused for a tag that is not whole: a good backup is not overwritten with a bad one. A helper
// tag keeps its manifest from a garbage collection that deletes what is untagged.
Result<ChangeReport> backup(const Ports& ports, const BackupRequest& request,
                            const std::stop_token& stop);

}  // namespace nodeproof::index
