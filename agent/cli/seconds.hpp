// Options that are a time in seconds.
#pragma once

#include <string>

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

}  // namespace nodeproof::cli
