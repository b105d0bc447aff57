#include "common/metrics.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "common/words.hpp"

namespace nodeproof::metrics {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_control(char c) { return (c >= '\0' && c < ' ' && c != '\n') || c == '\x7f'; }

std::string clean(std::string_view text) {
  std::string out;
  for (const char c : valid_utf8(text)) {
    if (is_control(c)) {
      out += kReplacement;
    } else {
      out += c;
    }
  }
  return out;
}

// In label values; a HELP text is our own and has none of them.
std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string text_of(const Number& number) {
  std::array<char, 32> digits{};
  const auto write = [&](auto value) {
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    return std::string(digits.data(), end.ptr);
  };
  const double* real = std::get_if<double>(&number);
  if (real == nullptr) return write(std::get<std::int64_t>(number));
  if (std::isnan(*real)) return "NaN";
  if (std::isinf(*real)) return *real > 0 ? "+Inf" : "-Inf";
  return write(*real);
}

std::string text_of(const Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    out += (out.empty() ? "{" : ",") + name + "=\"" + escaped(value) + '"';
  }
  return out.empty() ? out : out + '}';
}

}  // namespace

void Collection::add(const Meta& meta, Labels labels, Number value) {
  for (auto& [name, word] : labels) word = clean(word);
  const auto [entry, is_new] = seen_.try_emplace(meta.name, families_.size());
  if (is_new) families_.push_back({meta, {}});
  if (!entry->second.labels.insert(labels).second) return;
  families_[entry->second.family].samples.push_back({std::move(labels), value});
}

Number number(std::uint64_t value) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::min(value, kMost));
}

std::string label_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9' && !name.empty();
    name += letter || digit ? c : '_';
  }
  return name;
}

std::string to_text(const Collection& collection) {
  std::string out;
  for (const Family& family : collection.families()) {
    const std::string name(family.meta.name);
    const bool counter = family.meta.kind == Kind::counter;
    out += "# HELP " + name + " " + std::string(family.meta.help) + "\n# TYPE " + name +
           (counter ? " counter\n" : " gauge\n");
    for (const Sample& sample : family.samples) {
      out += name + text_of(sample.labels) + " " + text_of(sample.value) + "\n";
    }
  }
  return out;
}

}  // namespace nodeproof::metrics
