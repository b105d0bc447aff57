#include "agent/report/time.hpp"

#include <charconv>
#include <string>

namespace nodeproof::report {
namespace {

constexpr std::string_view kShape = "0000-00-00T00:00:00Z";

bool has_shape(std::string_view text) {
  if (text.size() != kShape.size()) return false;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == '0' ? !digit : text[i] != kShape[i]) return false;
  }
  return true;
}

int number(std::string_view digits) {
  int value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

}  // namespace

Result<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text) {
  namespace chrono = std::chrono;
  if (!has_shape(text))
    return fail(Errc::invalid_document, "a time is not of the form " + std::string(kShape));
  const chrono::year_month_day date(chrono::year(number(text.substr(0, 4))),
                                    chrono::month(static_cast<unsigned>(number(text.substr(5, 2)))),
                                    chrono::day(static_cast<unsigned>(number(text.substr(8, 2)))));
  const int hour = number(text.substr(11, 2));
  const int minute = number(text.substr(14, 2));
  const int second = number(text.substr(17, 2));
  // Beyond these neither system_clock nor the time between two of them can be counted.
  constexpr chrono::year kFirst(1970), kLast(2261);
  if (date.year() < kFirst || date.year() > kLast) {
    return fail(Errc::invalid_document, "a time is of a year that cannot be");
  }
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) {
    return fail(Errc::invalid_document, "a time names a day or hour that does not exist");
  }
  return chrono::sys_days(date) + chrono::hours(hour) + chrono::minutes(minute) +
         chrono::seconds(second);
}

}  // namespace nodeproof::report
