#include "common/http_date.hpp"

#include <array>
#include <charconv>
#include <vector>

namespace nodeproof {

namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::vector<std::string_view> words_of(std::string_view text) {
  constexpr std::string_view kBetween = " ,-:";
  std::vector<std::string_view> words;
  for (auto at = text.find_first_not_of(kBetween); at != std::string_view::npos;) {
    const auto end = std::min(text.find_first_of(kBetween, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(kBetween, end);
  }
  return words;
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::optional<unsigned> month_of(std::string_view text) {
  for (unsigned i = 0; i < kMonths.size(); ++i) {
    if (kMonths[i] == text) return i + 1;
  }
  return std::nullopt;
}

std::optional<std::chrono::sys_seconds> time_of(const std::array<std::optional<int>, 5>& parts,
                                                std::optional<unsigned> month) {
  for (const auto& part : parts) {
    if (!part) return std::nullopt;
  }
  const auto [day, year, hour, minute, second] = parts;
  // Two digits: this century's, for nothing here is older.
  const std::chrono::year_month_day date(std::chrono::year(*year < 100 ? *year + 2000 : *year),
                                         std::chrono::month(month.value_or(0)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok() || *year > 9999 || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second);
}

}  // namespace

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) {
  if (text.size() > 64) return std::nullopt;
  const auto word = words_of(text);
  if (word.size() == 8 && word[7] == "GMT") {
    return time_of(
        {number(word[1]), number(word[3]), number(word[4]), number(word[5]), number(word[6])},
        month_of(word[2]));
  }
  if (word.size() == 7) {  // asctime
    return time_of(
        {number(word[2]), number(word[6]), number(word[3]), number(word[4]), number(word[5])},
        month_of(word[1]));
  }
  return std::nullopt;
}

}  // namespace nodeproof
