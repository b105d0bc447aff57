#include "agent/cli/seconds.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <charconv>

#include "common/words.hpp"

namespace nodeproof::cli {
namespace {

constexpr double kLongest = 1e9;  // a clock of 64-bit nanoseconds takes ten times that

std::string flaw_of(const std::string& text) {
  double seconds = -1;
  const char* const end = text.data() + text.size();
  const auto [read, problem] = std::from_chars(text.data(), end, seconds);
  if (problem == std::errc() && read == end && seconds >= 0 && seconds <= kLongest) return "";
  return "'" + excerpt(text, 64) + "' is no number of seconds, such as 90 or 0.5";
}

}  // namespace

void add_seconds(CLI::App& app, const SecondsOption& option, double& value) {
  app.add_option(option.name, value, option.help)
      ->check(CLI::Validator(flaw_of, ""))
      ->type_name("SECONDS");
}

}  // namespace nodeproof::cli
