// YAML as configuration files use it (kubelet, k3s, container-structure-test), read into the values
// of json.hpp. The only includer of libyaml is yaml.cpp.
#pragma once

#include <string_view>

#include "common/json.hpp"

namespace nodeproof::yaml {

// One document of mappings, sequences and scalars. Plain scalars are typed as in YAML 1.2's core
// schema: true, false, null, decimal numbers; whatever else is a string. Aliases, several documents
// and duplicate keys are refused. The values know their path and their line in the YAML.
// Errc::too_large beyond a limit, else Errc::invalid_document with the line.
Result<json::Value> parse(std::string_view text, const json::ParseOptions& options = {});

}  // namespace nodeproof::yaml
