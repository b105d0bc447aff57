// Secrets with which pods pull their images.
#pragma once

#include <string>

#include "common/error.hpp"
#include "common/json.hpp"

namespace nodeproof::kubernetes {

// Of a Secret (core/v1) of the type kubernetes.io/dockerconfigjson, or of the older dockercfg: a
// docker config.json. It is a secret. Errors name the Secret's path, and nothing of its data.
Result<std::string> docker_config_of(const json::Value& secret);

}  // namespace nodeproof::kubernetes
