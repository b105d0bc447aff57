// What `inspect` found, as SARIF.
#pragma once

#include <span>
#include <string>

#include "agent/index/validate.hpp"

namespace nodeproof::cli {

[[nodiscard]] std::string to_sarif(std::span<const index::IndexReport> reports);

}  // namespace nodeproof::cli
