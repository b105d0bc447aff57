// Reads Docker's HEALTHCHECK out of an image's configuration.
#pragma once

#include <optional>

#include "common/json.hpp"
#include "common/oci.hpp"

namespace nodeproof {

// config: the image configuration's "config". Never an error: an image whose check is odd is run by
// containerd all the same; what is odd is its `problem`.
[[nodiscard]] std::optional<Healthcheck> read_healthcheck(const json::Value& config);

}  // namespace nodeproof
