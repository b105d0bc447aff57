#include "common/oci.hpp"

#include <algorithm>
#include <array>

#include "common/crypto.hpp"

namespace nodeproof {
namespace media_type {

bool is_index(std::string_view type) { return type == kOciIndex || type == kDockerList; }

bool is_manifest(std::string_view type) { return type == kOciManifest || type == kDockerManifest; }

bool is_layer(std::string_view type) {
  static constexpr std::array<std::string_view, 10> kLayers = {
      "application/vnd.oci.image.layer.v1.tar",
      "application/vnd.oci.image.layer.v1.tar+gzip",
      "application/vnd.oci.image.layer.v1.tar+zstd",
      "application/vnd.oci.image.layer.nondistributable.v1.tar",
      "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
      "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
      "application/vnd.docker.image.rootfs.diff.tar",
      "application/vnd.docker.image.rootfs.diff.tar.gzip",
      "application/vnd.docker.image.rootfs.diff.tar.zstd",
      "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"};
  return std::ranges::find(kLayers, type) != kLayers.end();
}

}  // namespace media_type

bool is_attestation(const Descriptor& entry) {
  const auto kind = entry.annotations.find("vnd.docker.reference.type");
  if (kind != entry.annotations.end() && kind->second == "attestation-manifest") return true;
  return entry.platform && entry.platform->os == "unknown" &&
         entry.platform->architecture == "unknown";
}

std::vector<Digest> chain_ids(const std::vector<Digest>& diff_ids) {
  std::vector<Digest> chain;
  chain.reserve(diff_ids.size());
  for (const Digest& diff_id : diff_ids) {
    chain.push_back(chain.empty() ? diff_id
                                  : hash_of(as_bytes(chain.back().str() + " " + diff_id.str())));
  }
  return chain;
}

}  // namespace nodeproof
