#include "agent/prepull/prepull.hpp"

#include "agent/prepull/pull_set.hpp"
#include "common/crypto.hpp"

namespace nodeproof::prepull {

bool commits_block(const std::string& containerd_version) {
  return containerd_version.starts_with("1.");
}

std::string lease_id_for(const Reference& image) {
  return "nodeproof-" + std::string(hash_of(as_bytes(image.name())).hex().substr(0, 16));
}

Result<PulledImage> prepull(const ResolvedImage& image, const PullPorts& ports,
                            const PullOptions& options, const std::stop_token& stop) {
  PullSet one({{image, options.title, options.lease_id}}, ports, options, stop);
  return one.wait(0);
}

Result<> release(ImageStore& store, const std::string& lease_id) {
  return store.delete_lease(lease_id, Release::at_once);
}

}  // namespace nodeproof::prepull
