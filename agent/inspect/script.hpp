// The first line of a script as the kernel reads it (linux/fs/binfmt_script.c), and env(1)'s part
// in it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nodeproof::inspect {

struct ScriptLine {
  std::string interpreter;  // as written, a carriage return included
  std::string argument;     // all that follows, as one
};

// nullopt when there is no interpreter behind "#!".
[[nodiscard]] std::optional<ScriptLine> parse_script_line(std::string_view start);

// The command that `env ARGUMENT` will look up in PATH; "" when that cannot be told.
[[nodiscard]] std::string env_command(std::string_view argument);

}  // namespace nodeproof::inspect
