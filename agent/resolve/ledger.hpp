// The digest ledger: what was proven here last, per image name, so that a registry outage, a moved
// or a damaged tag changes nothing.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model.hpp"
#include "common/error.hpp"
#include "common/oci.hpp"

namespace nodeproof::resolve {

// What the registry said of the tag when it was asked last; an outage is no answer.
struct RegistryWord {
  Freshness freshness = Freshness::current;
  std::vector<Finding> findings;  // that the tag has moved, or how it is damaged
  friend bool operator==(const RegistryWord&, const RegistryWord&) = default;
};

// What a report says of the image besides its digests, so that its documents need not be read.
struct ProvenShape {
  std::string platform;
  Digest rootfs;            // the uppermost chain ID
  std::uint64_t bytes = 0;  // of the layers
  unsigned layers = 0;
  friend bool operator==(const ProvenShape&, const ProvenShape&) = default;
};

struct ProvenImage {
  std::string name;                 // Reference::name()
  std::optional<Descriptor> index;  // absent for a single manifest
  Descriptor manifest;
  std::string proof_key;  // what else the proof depends on: host, kernel, runtime, tests
  std::string time;       // RFC 3339
  SmokeReport smoke;      // what the start showed then
  std::optional<std::vector<Platform>> offered = {};  // by the index then; absent in older records
  std::string choice = {};                            // why this variant; "" in older records
  // Of the resolution and the inspection: as much part of the proof as its key is. Absent in older
  // records.
  std::optional<std::vector<Finding>> found = {};
  RegistryWord word = {};
  std::optional<ProvenShape> shape = {};  // absent in older records
  // Where the credentials come from that it was fetched with, when not every pod here may use them.
  std::string credentials = {};
  // In which boot the unpacked files were compared last, and which nodeproof judged the bytes; the
  // tests need not run again because of either. "" in older records.
  std::string boot = {}, agent = {};
  // RFC 3339: when the registry was heard about the tag, roughly; "" = not since `time`, or nobody
  // wants to know.
  std::string confirmed = {};
  friend bool operator==(const ProvenImage&, const ProvenImage&) = default;
};

// One file per name, <sha256 of the name>.json, and beside it the documents that the last record
// names, .index and .manifest. The record has an older generation (.json.old), but where it takes a
// proof back. The directory comes with the first record.
class Ledger {
 public:
  explicit Ledger(std::filesystem::path directory) : directory_(std::move(directory)) {}

  // Absent, torn or foreign files are no record.
  [[nodiscard]] std::optional<ProvenImage> find(std::string_view name) const;
  // The same, but what keeps us from looking is an error: not_found when there is no such
  // directory, permission_denied.
  Result<std::optional<ProvenImage>> look_up(std::string_view name) const;
  Result<> record(const ProvenImage& proven) const;

  // Keeps the image's index and manifest, so that its tag can be rebuilt from this node alone.
  // Documents beyond 1 MiB are left out.
  Result<> keep_documents(const ResolvedImage& image) const;
  // The kept bytes of the record's index or manifest; nothing when they are absent or do not hash
  // to its digest.
  [[nodiscard]] std::optional<std::string> index_bytes(const ProvenImage& proven) const;
  [[nodiscard]] std::optional<std::string> manifest_bytes(const ProvenImage& proven) const;

 private:
  [[nodiscard]] std::filesystem::path file_of(std::string_view name, std::string_view kind) const;
  std::filesystem::path directory_;
};

}  // namespace nodeproof::resolve
