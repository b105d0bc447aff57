// OCI image-spec 1.1 and Docker schema 2 documents, parsed strictly: sizes, digests, media types,
// no duplicate keys.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/digest.hpp"
#include "common/platform.hpp"

namespace nodeproof {

namespace media_type {
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kDockerList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
[[nodiscard]] bool is_index(std::string_view type);
[[nodiscard]] bool is_manifest(std::string_view type);
// tar, tar+gzip, tar+zstd of OCI and Docker, also non-distributable.
[[nodiscard]] bool is_layer(std::string_view type);
}  // namespace media_type

struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;            // bytes
  std::optional<Platform> platform;  // as written, not normalised
  std::map<std::string, std::string> annotations;
  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

// buildx provenance and SBOM entries: vnd.docker.reference.type=attestation-manifest.
[[nodiscard]] bool is_attestation(const Descriptor& entry);

struct Index {
  std::string media_type;
  std::vector<Descriptor> manifests;
  friend bool operator==(const Index&, const Index&) = default;
};

struct Manifest {
  std::string media_type;
  Descriptor config;
  std::vector<Descriptor> layers;  // bottom first
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

// Docker's HEALTHCHECK, which is no part of the image-spec: a command beside the running
// entrypoint. Zero times and retries stand for Docker's defaults and are filled in.
struct Healthcheck {
  std::vector<std::string> command;  // as executed: a shell's line has the image's shell before it
  std::chrono::milliseconds interval{30000}, timeout{30000}, start_period{0};
  unsigned retries = 3;  // failures in a row that make a container unhealthy
  std::string problem;   // what is wrong with it; "" = nothing
  friend bool operator==(const Healthcheck&, const Healthcheck&) = default;
};

// image-spec config.md; only what running and judging an image needs.
struct ImageConfig {
  Platform platform;
  std::vector<Digest> diff_ids;  // bottom first, one per layer
  std::vector<std::string> entrypoint, cmd, env;
  std::string working_dir, user, stop_signal, created;
  std::map<std::string, std::string> labels;
  std::vector<std::string> exposed_ports;  // "80/tcp", sorted
  std::vector<std::string> volumes;        // sorted
  std::optional<Healthcheck> healthcheck;  // nothing: none, or switched off
  friend bool operator==(const ImageConfig&, const ImageConfig&) = default;
};

using ImageDocument = std::variant<Index, Manifest>;

// content_type: the response's header or the descriptor's mediaType; must agree with the body
// (CVE-2021-41190).
Result<ImageDocument> parse_image_document(std::string_view bytes, std::string_view content_type);
Result<ImageConfig> parse_image_config(std::string_view bytes);

// image-spec config.md#layer-chainid, bottom first, one per diff ID.
[[nodiscard]] std::vector<Digest> chain_ids(const std::vector<Digest>& diff_ids);

}  // namespace nodeproof
