// Log lines for a journal: "<priority>text" on stderr (systemd.journal-fields, sd-daemon
// priorities).
#pragma once

#include <string_view>

namespace nodeproof::log {

// By who must act: error = the operator now, warning = the operator soon, notice = state changes,
// info = progress, debug = developers.
enum class Level { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

struct Options {
  Level threshold = Level::notice;
  bool journal = false;  // prefix "<n>"; off on a terminal
};

void configure(Options options);
void write(Level level, std::string_view text);  // one line; control characters are replaced
inline void error(std::string_view text) { write(Level::error, text); }
inline void warning(std::string_view text) { write(Level::warning, text); }
inline void notice(std::string_view text) { write(Level::notice, text); }
inline void info(std::string_view text) { write(Level::info, text); }
inline void debug(std::string_view text) { write(Level::debug, text); }

}  // namespace nodeproof::log
