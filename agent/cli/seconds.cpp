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

Result<std::chrono::seconds> parse_span(const Span& span) {
  std::int64_t count = 0;
  const char* const last = span.text.data() + span.text.size();
  const auto [end, failure] = std::from_chars(span.text.data(), last, count);
  std::chrono::seconds unit{0};
  const std::string_view name(end, last);
  if (name == "s") unit = std::chrono::seconds(1);
  if (name == "m") unit = std::chrono::minutes(1);
  if (name == "h") unit = std::chrono::hours(1);
  if (name == "d") unit = std::chrono::days(1);
  const std::string given = std::string(span.option) + " '" + excerpt(span.text, 64) + "' is no";
  if (failure != std::errc() || unit.count() == 0) {
    return fail(Errc::usage, given + " time such as 30m, 4h or 2d");
  }
  if (count <= 0 || count > span.longest / unit) {
    const auto most = std::chrono::floor<std::chrono::days>(span.longest);
    return fail(Errc::usage, given + "t between 1s and " + std::to_string(most.count()) + "d");
  }
  return count * unit;
}

}  // namespace nodeproof::cli
