// What a tag can be rebuilt from: the index byte for byte, with the digest of each platform.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
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

// Of a document as compose() reads it.
[[nodiscard]] Backup make_backup(const ComposeDocument& document, const Composition& entries);
// Replaces the file atomically; false = it says the same already.
Result<bool> write_backup(const std::filesystem::path& file, const Backup& backup);

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

struct KeepRequest {
  const std::filesystem::path& folder;
  const Reference& reference;
  const IndexReport& report;  // validate()'s of this reference
};

// For a watch over many tags: a whole tag is written to its file in the folder, where that does not
// say the same already. Of any other tag the file stays what it is, and is named if there is one,
// with the command that restores it if it can mend the tag. Errc::usage for a report about some
// platforms only.
Result<std::optional<KeptBackup>> keep_backup(Registry& registry, const KeepRequest& request,
                                              const std::stop_token& stop);
// Readable, the same for the same reference, and another one for every other.
[[nodiscard]] std::string backup_file_name(const Reference& reference);

}  // namespace nodeproof::index
