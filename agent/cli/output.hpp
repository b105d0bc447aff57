// How documents reach the user.
#pragma once

#include <filesystem>
#include <string>

#include "agent/cli/command.hpp"
#include "agent/model.hpp"

namespace nodeproof::cli {

// On stdout in the form that the session asks for; colours only on a terminal and without NO_COLOR.
void print_report(Session& session, const NodeReport& report, bool cycle_under_way = false);
[[nodiscard]] bool colours_wanted(int fd);
[[nodiscard]] unsigned terminal_width(int fd);  // columns; 100 where there is no terminal
[[nodiscard]] std::filesystem::path daemon_socket(const Globals& globals);
[[nodiscard]] std::string version_document();  // what `version -o json` prints

}  // namespace nodeproof::cli
