// From an error to a finding: which code it has, and whether it is a fact about the image or only
// something unknown.
#pragma once

#include <string>

#include "agent/model.hpp"
#include "common/error.hpp"

namespace nodeproof::report {

enum class Stage { config, host, resolve, pull, inspect, smoke };

// `fail` only where the error itself was observed about the image: it does not exist, nothing fits,
// its bytes are wrong. What kept us from looking is `unknown`. The error's message and remedy are
// taken over.
[[nodiscard]] Finding finding_from_error(const Error& error, Stage stage, std::string subject = {});

}  // namespace nodeproof::report
