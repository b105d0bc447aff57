// Which entry of a file of credentials is for which place.
#pragma once

#include <string>
#include <string_view>

#include "agent/registry/keychain.hpp"

namespace nodeproof::registry {

// The kubelet's rule (credential-provider plugins): as many labels and each matching its glob, the
// same port or none in both, and a path that begins so. "host[:port][/path]" without a scheme.
[[nodiscard]] bool kubelet_matches(std::string_view pattern, const Place& place);

// A key of docker's and podman's files in its plain spelling: without scheme and "/v1/" or "/v2/",
// in lower case up to the path, and Docker Hub's many names as "docker.io".
[[nodiscard]] std::string plain_key(std::string_view key);

// How well a plain key fits, 0 = not at all. Longer paths fit better, and names better than globs.
// Paths count in whole components, as for podman: team/app is not in team/a.
[[nodiscard]] unsigned fitness(std::string_view plain, const Place& place);

}  // namespace nodeproof::registry
