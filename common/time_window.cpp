#include "common/time_window.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "common/words.hpp"

namespace nodeproof {
namespace {

using std::chrono::days;
using std::chrono::minutes;
using std::chrono::sys_seconds;

constexpr minutes kDay = days(1);
// Behind which a window may still be open, and ahead of which each one opens again.
constexpr days kBehind{2}, kAhead{8};
constexpr std::array<std::string_view, 7> kDays = {"sunday",   "monday", "tuesday", "wednesday",
                                                   "thursday", "friday", "saturday"};

std::unexpected<Error> wrong(std::string_view text, const std::string& what) {
  return fail(Errc::usage, "\"" + excerpt(text, 64) + "\" is no window: " + what +
                               "; a good one is \"01:00-05:00\", \"Sat,Sun 00:00-24:00\" or "
                               "\"Mon..Fri 22:00-05:00\"");
}

std::optional<minutes> clock_time(std::string_view text) {
  unsigned hour = 0;
  unsigned minute = 0;
  if (text.size() != 5 || text[2] != ':') return {};
  const auto number = [&](std::size_t at, unsigned& into) {
    const char* const last = text.data() + at + 2;
    const auto [end, failure] = std::from_chars(text.data() + at, last, into);
    return failure == std::errc{} && end == last;
  };
  if (!number(0, hour) || !number(3, minute) || minute > 59) return {};
  const minutes time = std::chrono::hours(hour) + minutes(minute);
  return time > kDay ? std::nullopt : std::optional(time);
}

std::optional<std::size_t> weekday(std::string_view text) {
  const std::string folded = fold_case(text);
  for (std::size_t i = 0; i < kDays.size(); ++i) {
    if (folded == kDays.at(i) || folded == kDays.at(i).substr(0, 3)) return i;
  }
  return {};
}

// "Sat" or "Mon..Fri"; false: neither.
bool add_days(std::string_view text, std::bitset<7>& into) {
  const std::size_t dots = text.find("..");
  const auto first = weekday(text.substr(0, dots));
  const auto last = dots == std::string_view::npos ? first : weekday(text.substr(dots + 2));
  if (!first || !last) return false;
  for (std::size_t day = *first;; day = (day + 1) % kDays.size()) {
    into.set(day);
    if (day == *last) return true;
  }
}

void merge(std::vector<TimeSpan>& spans) {
  std::ranges::sort(spans, {}, &TimeSpan::begin);
  std::vector<TimeSpan> merged;
  for (const TimeSpan& span : spans) {
    if (!merged.empty() && span.begin <= merged.back().end) {
      merged.back().end = std::max(merged.back().end, span.end);
    } else {
      merged.push_back(span);
    }
  }
  spans = std::move(merged);
}

// A list of days and ranges; an error is the part that is neither.
std::expected<std::bitset<7>, std::string_view> weekdays(std::string_view list) {
  std::bitset<7> days;
  while (true) {
    const std::string_view part = list.substr(0, list.find(','));
    if (!add_days(part, days)) return std::unexpected(part);
    if (part.size() == list.size()) return days;
    list.remove_prefix(part.size() + 1);
  }
}

}  // namespace

minutes TimeWindow::length() const { return end > begin ? end - begin : end - begin + kDay; }

Result<TimeWindow> parse_time_window(std::string_view text) {
  TimeWindow window;
  const std::size_t space = text.find(' ');
  const std::string_view times = space == std::string_view::npos ? text : text.substr(space + 1);
  if (space == std::string_view::npos) {
    window.days.set();
  } else if (const auto days = weekdays(text.substr(0, space))) {
    window.days = *days;
  } else {
    return wrong(text, "\"" + excerpt(days.error(), 32) + "\" is no weekday (Mon to Sun)");
  }
  const std::size_t dash = times.find('-');
  const auto begin = clock_time(times.substr(0, dash));
  const auto end =
      dash == std::string_view::npos ? std::nullopt : clock_time(times.substr(dash + 1));
  if (!begin || !end || *begin == kDay) {
    return wrong(text, "the times must be HH:MM-HH:MM, from 00:00 to 24:00");
  }
  if (*begin == *end) return wrong(text, "it ends when it begins (all day is 00:00-24:00)");
  window.begin = *begin;
  window.end = *end;
  return window;
}

std::string to_string(const TimeWindow& window) {
  constexpr std::array<std::string_view, 7> kShort = {"Sun", "Mon", "Tue", "Wed",
                                                      "Thu", "Fri", "Sat"};
  const auto clock = [](minutes time) {
    const auto two = [](auto number) { return (number < 10 ? "0" : "") + std::to_string(number); };
    return two(time / std::chrono::hours(1)) + ':' + two((time % std::chrono::hours(1)).count());
  };
  std::string text;
  for (std::size_t i = 1; i <= kShort.size() && !window.days.all(); ++i) {  // Monday first
    const std::size_t day = i % kShort.size();
    if (window.days.test(day)) text.append(text.empty() ? "" : ",").append(kShort.at(day));
  }
  if (!text.empty()) text += ' ';
  return text + clock(window.begin) + '-' + clock(window.end);
}

std::vector<TimeSpan> open_spans(const std::vector<TimeWindow>& windows, sys_seconds now,
                                 const UtcOffset& offset) {
  const std::chrono::local_days today(
      std::chrono::floor<days>((now + offset(now)).time_since_epoch()));
  std::vector<TimeSpan> spans;
  for (auto day = today - kBehind; day <= today + kAhead; day += days(1)) {
    for (const TimeWindow& window : windows) {
      if (!window.days.test(std::chrono::weekday(day).c_encoding())) continue;
      const auto begin = day + window.begin;
      spans.push_back({from_local(begin, offset), from_local(begin + window.length(), offset)});
    }
  }
  merge(spans);
  std::erase_if(spans, [now](const TimeSpan& span) { return span.end <= now; });
  return spans;
}

}  // namespace nodeproof
