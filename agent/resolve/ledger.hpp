// The digest ledger: what was proven here last, per image name, so that a registry outage or a
// moved tag changes nothing.
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

struct ProvenImage {
  std::string name;                 // Reference::name()
  std::optional<Descriptor> index;  // absent for a single manifest
  Descriptor manifest;
  std::string proof_key;  // what else the proof depends on: host, kernel, boot, tests, program
  std::string time;       // RFC 3339
  SmokeReport smoke;      // what the start showed then
  std::optional<std::vector<Platform>> offered = {};  // by the index then; absent in older records
  friend bool operator==(const ProvenImage&, const ProvenImage&) = default;
};

// One file per name, <sha256 of the name>.json. The directory comes with the first record.
class Ledger {
 public:
  explicit Ledger(std::filesystem::path directory) : directory_(std::move(directory)) {}

  // Absent, torn or foreign files are no record.
  [[nodiscard]] std::optional<ProvenImage> find(std::string_view name) const;
  Result<> record(const ProvenImage& proven) const;

 private:
  [[nodiscard]] std::filesystem::path file_of(std::string_view name) const;
  std::filesystem::path directory_;
};

}  // namespace nodeproof::resolve
