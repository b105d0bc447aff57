// Options that are a time: in seconds, or in words such as 4h.
#pragma once

#include <chrono>
#include <string>

#include "common/error.hpp"

namespace CLI {
class App;
}

namespace nodeproof::cli {

struct SecondsOption {
  std::string name;  // "--wait"
  std::string help;
};

// 0 to 10^9 seconds, fractions too; `value` outlives the app.
void add_seconds(CLI::App& app, const SecondsOption& option, double& value);

struct Span {
  const char* option;  // "--for"
  const std::string& text;
  std::chrono::seconds longest;  // whole days
};

// "30s", "30m", "4h", "2d": usage errors name the option and what was given.
Result<std::chrono::seconds> parse_span(const Span& span);

}  // namespace nodeproof::cli
