#include "agent/smoke/normalise.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace nodeproof::smoke {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_word(char c) { return is_digit(c) || is_letter(c); }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// Reads on from a place in the text; what does not fit leaves it where it was.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool digits(std::size_t least, std::size_t most) {
    std::size_t count = 0;
    while (at_ + count < text_.size() && is_digit(text_[at_ + count])) ++count;
    return take(count, count >= least && count <= most);
  }
  bool hex(std::size_t count) {
    std::size_t found = 0;
    while (at_ + found < text_.size() && hex_value(text_[at_ + found]) >= 0) ++found;
    return take(count, found == count);
  }
  bool literal(std::string_view wanted) { return take(wanted.size(), rest().starts_with(wanted)); }
  bool any_of(std::string_view characters) {
    return take(1, at_ < text_.size() && characters.find(text_[at_]) != characters.npos);
  }
  template <std::size_t N>
  bool word_of(const std::array<std::string_view, N>& words) {
    return std::ranges::any_of(words, [&](std::string_view word) { return literal(word); });
  }
  [[nodiscard]] bool digit_follows() const { return at_ < text_.size() && is_digit(text_[at_]); }
  // Neither letter nor digit follows.
  [[nodiscard]] bool ends_word() const { return at_ == text_.size() || !is_word(text_[at_]); }
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }

 private:
  bool take(std::size_t count, bool fits) {
    if (fits) at_ += count;
    return fits;
  }
  std::string_view text_;
  std::size_t at_ = 0;
};

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr std::array<std::string_view, 4> kZones = {"UTC", "GMT", "CET", "CEST"};

// "12:34:56", "12:34:56.789", "12:34:56,789".
bool clock_time(Cursor& cursor) {
  Cursor now = cursor;
  if (!now.digits(1, 2) || !now.literal(":") || !now.digits(2, 2) || !now.literal(":") ||
      !now.digits(2, 2))
    return false;
  Cursor fraction = now;
  if (fraction.any_of(".,") && fraction.digits(1, 9)) now = fraction;
  // 01:02:03:04:05:06 is no time.
  if (!now.rest().empty() && (is_digit(now.rest()[0]) || now.rest()[0] == ':')) return false;
  cursor = now;
  return true;
}

// "Z", "+02:00", " +0000", " UTC"; absent is fine.
void zone(Cursor& cursor) {
  Cursor now = cursor;
  if (now.any_of("Zz") && now.ends_word()) {
    cursor = now;
    return;
  }
  now = cursor;
  now.literal(" ");
  const bool named = now.word_of(kZones);
  const bool numbered = !named && now.any_of("+-") && now.digits(2, 4);
  if (numbered && now.literal(":")) now.digits(2, 2);
  if ((named || numbered) && now.ends_word()) cursor = now;
}

// "2026-11-22", "2026/11/22".
bool numeric_date(Cursor& cursor) {
  return cursor.digits(4, 4) && cursor.any_of("-/") && cursor.digits(2, 2) && cursor.any_of("-/") &&
         cursor.digits(2, 2);
}

// "22 Nov 2026", "22/Nov/2026", "22-Nov-2026".
bool named_date(Cursor& cursor) {
  return cursor.digits(1, 2) && cursor.any_of(" /-") && cursor.word_of(kMonths) &&
         cursor.any_of(" /-") && cursor.digits(4, 4);
}

// "Nov 22", "Nov  2".
bool month_and_day(Cursor& cursor) {
  if (!cursor.word_of(kMonths) || !cursor.literal(" ")) return false;
  cursor.literal(" ");
  return cursor.digits(1, 2);
}

using Matcher = std::size_t (*)(std::string_view);  // length, 0 = does not match

std::size_t finished(const Cursor& cursor) { return cursor.ends_word() ? cursor.at() : 0; }

std::size_t date_and_time(std::string_view text) {
  Cursor cursor(text);
  const bool with_day = cursor.word_of(kDays);
  if (with_day) {
    cursor.literal(",");
    if (!cursor.literal(" ")) return 0;
  }
  const Cursor date = cursor;
  const auto attempt = [&](bool (*form)(Cursor&), std::string_view separators) {
    cursor = date;
    return form(cursor) && cursor.any_of(separators) && clock_time(cursor);
  };
  const bool found =
      attempt(numeric_date, "Tt ") || attempt(named_date, " :") || attempt(month_and_day, " ");
  if (!found) return 0;
  zone(cursor);
  Cursor year = cursor;  // date(1) and ctime(3) write it last
  if (with_day && year.literal(" ") && year.digits(4, 4) && year.ends_word()) cursor = year;
  return finished(cursor);
}

std::size_t bare_time(std::string_view text) {
  Cursor cursor(text);
  return clock_time(cursor) ? finished(cursor) : 0;
}

std::size_t uuid(std::string_view text) {
  Cursor cursor(text);
  const bool found = cursor.hex(8) && cursor.literal("-") && cursor.hex(4) && cursor.literal("-") &&
                     cursor.hex(4) && cursor.literal("-") && cursor.hex(4) && cursor.literal("-") &&
                     cursor.hex(12);
  return found ? finished(cursor) : 0;
}

std::size_t duration(std::string_view text) {
  constexpr std::array<std::string_view, 5> kSmall = {"ns", "us", "\u00b5s", "\u03bcs", "ms"};
  constexpr std::array<std::string_view, 4> kSeconds = {"seconds", "secs", "sec", "s"};
  constexpr std::size_t kMost = 12;
  Cursor cursor(text);
  for (const std::string_view unit : {"h", "m"}) {  // Go's 1h2m3.4s
    Cursor larger = cursor;
    if (larger.digits(1, kMost) && larger.literal(unit) && larger.digit_follows()) cursor = larger;
  }
  if (!cursor.digits(1, kMost)) return 0;
  Cursor fraction = cursor;
  const bool broken = fraction.literal(".") && fraction.digits(1, kMost);
  if (broken) cursor = fraction;
  cursor.literal(" ");
  if (!cursor.word_of(kSmall) && !(broken && cursor.word_of(kSeconds))) return 0;
  return finished(cursor);
}

std::size_t address(std::string_view text) {
  constexpr std::size_t kMost = 16;
  if (!text.starts_with("0x")) return 0;
  std::size_t length = 2;
  std::uint64_t value = 0;
  for (; length < text.size() && hex_value(text[length]) >= 0; ++length) {
    if (length == kMost + 2) return 0;
    value = (value << 4) | static_cast<std::uint64_t>(hex_value(text[length]));
  }
  if (length < text.size() && is_word(text[length])) return 0;
  return value >> 32 != 0 && value >> 48 == 0 ? length : 0;
}

std::size_t process_id(std::string_view text) {
  constexpr std::array<std::string_view, 2> kWords = {"pid", "PID"};
  Cursor cursor(text);
  if (!cursor.word_of(kWords) || !cursor.any_of(" =:")) return 0;
  cursor.literal(" ");
  return cursor.digits(1, 10) ? finished(cursor) : 0;
}

std::size_t temporary(std::string_view text) {
  constexpr std::string_view kStart = "/tmp/tmp";
  constexpr std::size_t kPython = 8, kMktemp = 10;
  if (!text.starts_with(kStart)) return 0;
  const bool dotted = text.substr(kStart.size()).starts_with('.');
  const std::size_t first = kStart.size() + (dotted ? 1 : 0);
  std::size_t end = first;
  while (end < text.size() && (is_word(text[end]) || text[end] == '_')) ++end;
  return end - first == (dotted ? kMktemp : kPython) ? end : 0;
}

std::size_t architecture(std::string_view text) {
  constexpr std::array<std::string_view, 7> kNames = {"x86_64",  "x86-64",   "amd64", "aarch64",
                                                      "AArch64", "arm64/v8", "arm64"};
  Cursor cursor(text);
  return cursor.word_of(kNames) ? finished(cursor) : 0;
}

struct Rule {
  Matcher match;
  std::string_view token;
};

// The first that matches is taken.
constexpr std::array kRules = {
    Rule{uuid, "<uuid>"},
    Rule{date_and_time, "<time>"},
    Rule{bare_time, "<time>"},
    Rule{duration, "<duration>"},
    Rule{address, "<address>"},
    Rule{process_id, "pid <pid>"},
    Rule{temporary, "/tmp/<temporary>"},
    Rule{architecture, "<architecture>"},
};

// ECMA-48: CSI with its parameters, OSC up to BEL or ST, else one more character.
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2) return text.size();
  if (text[1] == '[') {
    const auto final_byte = [](char c) { return c >= '@' && c <= '~'; };
    const auto* const end = std::find_if(text.begin() + 2, text.end(), final_byte);
    return static_cast<std::size_t>(end - text.begin()) + (end == text.end() ? 0 : 1);
  }
  if (text[1] != ']') return 2;
  const std::size_t end = text.find_first_of("\a\x1b", 2);
  if (end == text.npos) return text.size();
  return end + (text[end] == '\a' ? 1 : 2);
}

std::string without_escapes(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t escape = text[at] == '\x1b' ? escape_length(text.substr(at)) : 0;
    if (escape == 0) plain += text[at];
    at += std::max<std::size_t>(escape, 1);
  }
  return plain;
}

// A rule is tried at the start of a word, and of a path; not within a hardware address, "aa:bb:cc".
bool may_start(std::string_view line, std::size_t at) {
  if (at == 0 || line[at] == '/') return true;
  if (is_word(line[at - 1])) return false;
  const auto hex = [&](std::size_t place) {
    return place < line.size() && hex_value(line[place]) >= 0;
  };
  const bool behind = line[at - 1] == ':' && at >= 3 && hex(at - 2) && hex(at - 3) &&
                      (at == 3 || !is_word(line[at - 4]));
  return !behind || !hex(at) || !hex(at + 1) || (at + 2 < line.size() && is_word(line[at + 2]));
}

void append_line(std::string& out, std::string_view line) {
  const std::size_t last = line.find_last_not_of(" \t\r\v\f");
  line = line.substr(0, last == line.npos ? 0 : last + 1);
  for (std::size_t at = 0; at < line.size();) {
    const bool starts = may_start(line, at);
    std::size_t length = 0;
    for (const Rule& rule : kRules) {
      length = starts ? rule.match(line.substr(at)) : 0;
      if (length == 0) continue;
      out += rule.token;
      break;
    }
    if (length == 0) out += line[at];
    at += std::max<std::size_t>(length, 1);
  }
  out += '\n';
}

}  // namespace

std::string normalise_output(std::string_view text) {
  const std::string plain = without_escapes(text);
  std::string out;
  for (std::string_view left = plain; !left.empty();) {
    const std::size_t end = std::min(left.find('\n'), left.size());
    append_line(out, left.substr(0, end));
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  while (out.ends_with("\n\n") || out == "\n") out.pop_back();
  return out;
}

}  // namespace nodeproof::smoke
