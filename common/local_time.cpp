#include "common/local_time.hpp"

#include <cstdlib>
#include <ctime>

#include "common/clock.hpp"

namespace nodeproof {

using std::chrono::hours;
using std::chrono::local_seconds;
using std::chrono::seconds;
using std::chrono::sys_seconds;

seconds utc_offset(sys_seconds at) {
  const std::time_t time = at.time_since_epoch().count();
  std::tm parts{};
  tzset();  // which localtime_r may leave out
  if (localtime_r(&time, &parts) == nullptr) return seconds(0);
  return seconds(parts.tm_gmtoff);
}

// No zone changes its offset twice within two days.
sys_seconds from_local(local_seconds local, const UtcOffset& offset) {
  const sys_seconds as_utc(local.time_since_epoch());
  const sys_seconds with_earlier = as_utc - offset(as_utc - hours(24));
  if (offset(with_earlier) == as_utc - with_earlier) return with_earlier;
  const sys_seconds with_later = as_utc - offset(as_utc + hours(24));
  return offset(with_later) == as_utc - with_later ? with_later : with_earlier;
}

std::string to_local_rfc3339(sys_seconds at, const UtcOffset& offset) {
  const auto east = std::chrono::duration_cast<std::chrono::minutes>(offset(at));
  const auto two_digits = [](std::int64_t number) {
    return (number < 10 ? "0" : "") + std::to_string(number);
  };
  std::string text = to_rfc3339(at + east);
  text.pop_back();  // Z
  const std::int64_t minutes = std::abs(east.count());
  return text + (east.count() < 0 ? '-' : '+') + two_digits(minutes / 60) + ':' +
         two_digits(minutes % 60);
}

}  // namespace nodeproof
