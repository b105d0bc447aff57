// One OCI image layout: what it says it holds, and its blobs (image-spec image-layout.md).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/registry/layout_files.hpp"
#include "common/oci.hpp"
#include "common/reference.hpp"

namespace nodeproof::registry {

// An entry of index.json, and the name it goes by. containerd, nerdctl, BuildKit and docker save
// write io.containerd.image.name, the whole name; org.opencontainers.image.ref.name is the whole
// name when podman writes it and the tag alone when the others do.
struct LayoutEntry {
  Descriptor descriptor;
  std::optional<Reference> name;  // the whole one
  std::string tag;                // when it is all that the file says
  friend bool operator==(const LayoutEntry&, const LayoutEntry&) = default;
};

Result<std::vector<LayoutEntry>> parse_layout_index(std::string_view bytes);

// "docker.io/library/x:1", "the tag 1", "sha256:0123456789ab without a name"
[[nodiscard]] std::string describe(const LayoutEntry& entry);

// Safe to use from several threads.
class Layout {
 public:
  // Errors name the path: those of its files; unsupported for another version of the layout and for
  // what docker save wrote before version 25; invalid_document.
  static Result<Layout> open(const std::filesystem::path& path);

  [[nodiscard]] const std::string& place() const { return place_; }
  [[nodiscard]] const std::vector<LayoutEntry>& entries() const { return entries_; }

  // Errors name the file. Of the size that is asked for, or Errc::digest_mismatch.
  [[nodiscard]] Result<std::unique_ptr<ByteSource>> blob(const Digest& digest,
                                                         std::optional<std::uint64_t> size) const;
  // Whole, and hashed; digest_mismatch when it is not what its digest says.
  [[nodiscard]] Result<std::string> document(const Digest& digest,
                                             std::optional<std::uint64_t> size) const;
  // "/mnt/usb/a.tar, blobs/sha256/...", and what to do about a file that is damaged.
  [[nodiscard]] std::string where(const Digest& digest) const;
  [[nodiscard]] std::string remedy() const;

 private:
  Layout(std::string place, std::unique_ptr<LayoutFiles> files, std::vector<LayoutEntry> entries)
      : place_(std::move(place)), files_(std::move(files)), entries_(std::move(entries)) {}
  std::string place_;  // printable
  std::unique_ptr<LayoutFiles> files_;
  std::vector<LayoutEntry> entries_;
};

}  // namespace nodeproof::registry
