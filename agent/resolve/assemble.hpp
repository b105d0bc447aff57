// The last step, shared by registry and content store: a manifest and its config become a
// ResolvedImage.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "agent/model.hpp"
#include "agent/resolve/rules.hpp"

namespace nodeproof::resolve {

// Sends a document's bytes to the sink.
using Stream = std::function<Result<>(const ByteSink&)>;

// The whole document in memory, its size and digest checked; Errc::too_large beyond 8 MiB.
Result<std::string> collect(const Descriptor& document, const Stream& stream);

// Everything known about the image but its config.
struct Found {
  Reference reference;
  std::optional<Descriptor> index;
  std::string index_bytes;
  Descriptor manifest;
  std::string manifest_bytes;
  Manifest document;
  std::vector<Platform> available;
  std::string choice;
};

// Parses the config and checks that it belongs to the manifest.
Result<ResolvedImage> assemble(Found found, std::string config_bytes);

// Disagreements about the platform that do not stop the host from taking the image.
[[nodiscard]] std::vector<Finding> platform_findings(const ResolvedImage& image,
                                                     const Platform& host, ContainerdRules rules);

// The ways to pull on this node take different entries: said in PlatformMissing, as a warning.
void add_pulled_otherwise(ResolvedImage& image, const Platform& host, const std::string& how);

// A kubelet's pull takes the entry without a platform, and fails over `other`, which it never
// fetched: said in PlatformMissing, as a warning.
void add_pull_fails(ResolvedImage& image, const Platform& host, const Descriptor& other);

}  // namespace nodeproof::resolve
