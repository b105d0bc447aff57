// Times of the week at which something may be done, as an operator writes them: "01:00-05:00",
// "Sat,Sun 00:00-24:00", "Mon..Fri 22:00-05:00".
#pragma once

#include <bitset>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "common/local_time.hpp"

namespace nodeproof {

// In local time. One that ends no later than it begins ends on the next day.
struct TimeWindow {
  std::bitset<7> days;  // on which it begins, by std::chrono::weekday::c_encoding(): Sunday is 0
  std::chrono::minutes begin{0}, end{0};  // since midnight; the end is no part of it
  [[nodiscard]] std::chrono::minutes length() const;
  friend bool operator==(const TimeWindow&, const TimeWindow&) = default;
};

// "[Weekdays ]HH:MM-HH:MM". Weekdays as systemd writes them: a list of days (Mon, Monday) and
// ranges (Mon..Fri, Sat..Mon); none = every day. 24:00 is the end of the day. Errors say what is
// wrong, and what would not be.
Result<TimeWindow> parse_time_window(std::string_view text);

// "Sat,Sun 00:00-24:00"; parse_time_window() reads it.
[[nodiscard]] std::string to_string(const TimeWindow& window);

struct TimeSpan {
  std::chrono::sys_seconds begin, end;  // the end is no part of it
  friend bool operator==(const TimeSpan&, const TimeSpan&) = default;
};

// When the windows are open, in order and without those that touch or overlap: the span under way
// and those that begin within the next eight days. One that never closes is cut off at both ends.
[[nodiscard]] std::vector<TimeSpan> open_spans(const std::vector<TimeWindow>& windows,
                                               std::chrono::sys_seconds now,
                                               const UtcOffset& offset);

}  // namespace nodeproof
