#include "agent/inspect/script.hpp"

#include "agent/inspect/paths.hpp"

namespace nodeproof::inspect {

namespace {

constexpr std::string_view kBlank = " \t";

std::string_view trim(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
  return text.substr(0, text.find_last_not_of(kBlank) + 1);
}

}  // namespace

std::optional<ScriptLine> parse_script_line(std::string_view start) {
  if (!start.starts_with("#!")) return std::nullopt;
  std::string_view line = start.substr(2);
  line = line.substr(0, line.find('\n'));
  line = trim(line.substr(0, line.find('\0')));
  const std::size_t end = std::min(line.find_first_of(kBlank), line.size());
  if (end == 0) return std::nullopt;
  return ScriptLine{.interpreter = std::string(line.substr(0, end)),
                    .argument = std::string(trim(line.substr(end)))};
}

std::string env_command(std::string_view argument) {
  bool split_string = false;
  for (const std::string_view option : {"-S", "--split-string="}) {
    if (!argument.starts_with(option)) continue;
    argument.remove_prefix(option.size());
    split_string = true;
    break;
  }
  if (!split_string) return argument.starts_with('-') ? "" : std::string(argument);
  for (const std::string_view word : split(argument, kBlank)) {
    if (word.starts_with('-')) return "";  // an option of env; which take a value is env's business
    if (word.find('=') == std::string_view::npos) return std::string(word);
  }
  return "";
}

}  // namespace nodeproof::inspect
