// TOML (containerd's config.toml and hosts.toml), read into the values of json.hpp. The only
// includer of toml++ is toml.cpp.
#pragma once

#include <string_view>

#include "common/json.hpp"

namespace nodeproof::toml {

// Members stand in the order of the file. Dates and times become strings. The values know their
// path; their line() means nothing. Errc::too_large beyond a limit, else Errc::invalid_document
// with the line.
Result<json::Value> parse(std::string_view text, const json::ParseOptions& options = {});

}  // namespace nodeproof::toml
